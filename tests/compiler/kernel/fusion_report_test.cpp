// What keeps kernels apart, and how their parts came together, is what was decided.
#include "compiler/kernel/fusion_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "compiler/kernel/program_print.h"
#include "tests/compiler/kernel/fusion_cases.h"
#include "tests/compiler/kernel/lowered_models.h"
#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {
namespace {

struct Explained {
  KernelProgram program;
  FusionReport report;
  std::string kernels;  ///< PrintKernels
};

Explained Explain(const Model& model, bool fuse = true, bool ask = true) {
  Explained explained;
  explained.program.prefix = "t";
  LayoutState(model, explained.program);
  auto entry = LowerEntry(model, explained.program,
                          {.fuse = fuse, .fusion = ask ? &explained.report : nullptr});
  if (!entry) {
    ADD_FAILURE() << entry.error().message;
    return explained;
  }
  explained.program.entries.push_back(std::move(*entry));
  explained.kernels = PrintKernels(explained.program.entries[0], explained.program);
  return explained;
}

Explained Explain(const std::string& text) { return Explain(OptimizedModel(RunText(text), "run")); }

bool IsAbout(const FusionFinding& finding, const FusionCase& wanted) {
  return finding.obstacle == wanted.obstacle && finding.way == wanted.way &&
         (wanted.way != FusionWay::kInline || std::ranges::count(finding.values, wanted.value) > 0);
}

/// What the report says, one line a finding.
std::string Lines(const FusionReport& report) {
  std::string text;
  for (const FusionPair& pair : report.pairs)
    for (const FusionFinding& finding : pair.findings)
      text += fmt::format("{} -> {} by {}: {} {} {}\n", pair.writer.first_call,
                          pair.reader.first_call, fmt::join(pair.values, ", "),
                          Info(finding.way).name, Info(finding.obstacle).name, finding.about);
  return text;
}

TEST(FusionReport, EachObstacleKeepsSomeKernelsApart) {
  for (const FusionCase& wanted : FusionCases()) {
    SCOPED_TRACE(fmt::format("{} {}", Info(wanted.way).name, Info(wanted.obstacle).name));
    const Explained explained = Explain(wanted.text);
    const bool found = std::ranges::any_of(explained.report.pairs, [&](const FusionPair& pair) {
      return std::ranges::count(pair.values, wanted.value) > 0 &&
             std::ranges::any_of(pair.findings, [&](const FusionFinding& finding) {
               return IsAbout(finding, wanted);
             });
    });
    EXPECT_TRUE(found) << Lines(explained.report) << explained.kernels;
  }
}

TEST(FusionReport, EachObstacleHasATest) {
  using enum Obstacle;
  // The tests below and in fusion_rules_test.cpp.
  std::set<Obstacle> tested = {kSwitchedOff, kLongSearch,   kOldValue,  kNotTried,
                               kUnread,      kIndexOutside, kNoElements};
  for (const FusionCase& each : FusionCases()) tested.insert(each.obstacle);
  for (const ObstacleInfo& info : Obstacles())
    EXPECT_TRUE(tested.contains(info.obstacle)) << info.name;
}

TEST(FusionReport, TablesStandInTheOrderOfTheirEnumerations) {
  std::set<std::string_view> names;
  int number = 0;
  for (const ObstacleInfo& info : Obstacles()) {
    EXPECT_EQ(static_cast<int>(info.obstacle), number++) << info.name;
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(Explain(info.obstacle, "x").ends_with('.')) << info.name;
  }
}

TEST(FusionReport, AskingChangesNothing) {
  for (const ModelSample& sample : ModelSamples()) {
    SCOPED_TRACE(sample.name);
    const Model model = OptimizedModel(sample.text, sample.entry);
    for (const bool fuse : {true, false})
      EXPECT_EQ(Explain(model, fuse, true).kernels, Explain(model, fuse, false).kernels);
  }
}

/// Each value that a call writes and a call of the same region reads is in the report.
TEST(FusionReport, HasAPairForEachValueThatIsHandedOn) {
  for (const ModelSample& sample : ModelSamples()) {
    SCOPED_TRACE(sample.name);
    const Explained explained = Explain(OptimizedModel(sample.text, sample.entry));
    const auto calls = SummarizeCalls(explained.program.entries[0], explained.program);
    if (std::ranges::any_of(calls, [](const CallSummary& call) { return call.kernel < 0; }))
      continue;
    std::set<std::pair<int, int>> reported;
    for (const FusionPair& pair : explained.report.pairs) {
      EXPECT_TRUE(reported.insert({pair.writer.first_call, pair.reader.first_call}).second);
      EXPECT_LT(pair.writer.first_call, pair.reader.first_call);
      EXPECT_FALSE(pair.values.empty());
    }
    for (int writer = 0; writer < static_cast<int>(calls.size()); ++writer)
      for (const std::string& value : calls[writer].writes)
        for (int reader = writer + 1; reader < static_cast<int>(calls.size()); ++reader) {
          if (std::ranges::count(calls[reader].reads, value) == 0) continue;
          EXPECT_TRUE(reported.contains({writer, reader}))
              << value << " " << writer << " " << reader << "\n"
              << explained.kernels;
          if (std::ranges::count(calls[reader].writes, value) > 0) break;
        }
  }
}

TEST(FusionReport, SwitchedOff) {
  const Explained explained = Explain(
      OptimizedModel(RunText("input x: f64[4]\ny = exp(x)\nz = sin(y)\noutput z\n"), "run"), false);
  ASSERT_EQ(explained.report.pairs.size(), 1U);
  for (const FusionFinding& finding : explained.report.pairs[0].findings)
    EXPECT_EQ(finding.obstacle, Obstacle::kSwitchedOff);
  EXPECT_EQ(explained.report.pairs[0].findings.size(), 3U);
}

TEST(FusionReport, PathNamesACallOnIt) {
  const Explained explained = Explain(R"(
    input x: f64[16, 16]
    input w: f64[16, 16]
    e = exp(x)
    output e
    m = matmul(e, w)
    t = max(m)
    y = sub(e, t)
    output y
  )");
  const auto& pairs = explained.report.pairs;
  const auto skips = std::ranges::find_if(
      pairs, [](const FusionPair& pair) { return pair.findings[1].obstacle == Obstacle::kPath; });
  ASSERT_NE(skips, pairs.end()) << Lines(explained.report);
  const FusionParty& through = skips->findings[1].through;
  EXPECT_GT(through.first_call, skips->writer.first_call);
  EXPECT_LT(through.first_call, skips->reader.first_call);
}

TEST(FusionReport, ReaderThatStandsInTheWayIsNamed) {
  // e is not computed by the product, since the scatter of its other reader takes it whole.
  const Explained explained = Explain(R"(
    input x: f64[8, 8]
    input w: f64[8, 8]
    r = neg(x)
    c = cumsum(r, axis=1)
    y = matmul(r, w)
    output c
    output y
  )");
  bool found = false;
  for (const FusionPair& pair : explained.report.pairs)
    for (const FusionFinding& finding : pair.findings)
      found |= finding.obstacle == Obstacle::kForm && finding.reader == "c";
  EXPECT_TRUE(found) << Lines(explained.report);
}

TEST(FusionReport, LoopsAndBranchesInside) {
  const Explained explained = Explain(R"(
    input x: f64[4, 6, 6]
    input h: f64[6, 6]
    input on: bool
    last, _ = scan(h, x, carried=1, sliced=1) body(h: f64[6, 6], x: f64[6, 6]) {
      m = matmul(h, x)
      t = tanh(m)
      n = matmul(t, x)
      return n
    }
    y = if(on, last) then_body(v: f64[6, 6]) {
      a = matmul(v, v)
      b = matmul(a, v)
      return b
    } else_body(v: f64[6, 6]) {
      c = exp(v)
      return c
    }
    output y
  )");
  using Kind = FusionParty::Kind;
  std::set<std::pair<Kind, Kind>> kinds;
  std::set<std::string> inside;
  for (const FusionPair& pair : explained.report.pairs) {
    kinds.insert({pair.writer.kind, pair.reader.kind});
    inside.insert(pair.values.begin(), pair.values.end());
    EXPECT_LE(pair.writer.first_call, pair.writer.last_call);
    if (pair.writer.kind == Kind::kLoop) EXPECT_EQ(pair.writer.trip_count, 4);
  }
  EXPECT_TRUE(kinds.contains({Kind::kLoop, Kind::kBranch})) << Lines(explained.report);
  EXPECT_TRUE(inside.contains("t") && inside.contains("a")) << Lines(explained.report);
}

TEST(FusionReport, CopyOfAnOverwrittenValue) {
  const Explained explained = Explain(OptimizedModel(R"(model m {
    input x: f64[8, 8] from features
    input y: f64[8, 8] from target
    parameter W: f64[8, 8] = zeros
    p = matmul(x, W)
    q = matmul(p, W)
    loss = mean_squared_error(q, y)
    train loss with sgd(learning_rate=0.1)
  })",
                                                     "train_step"));
  for (const FusionPair& pair : explained.report.pairs)
    for (const FusionFinding& finding : pair.findings)
      if (finding.obstacle == Obstacle::kOldValue) EXPECT_EQ(finding.about, "W");
  Graph graph;
  {
    GraphBuilder b;
    const Expr w{b, b.Input("slot.W", {DType::kF64, {4, 4}})};
    b.Output("next.slot.W", Matmul(w, w));
    graph = std::move(b).Build();
  }
  const Explained square = Explain(RunModel(std::move(graph)));
  ASSERT_EQ(square.report.pairs.size(), 1U) << square.kernels;
}

/// The rules by which the parts of the kernel that covers `value` came together.
std::set<FusionRule> RulesOf(const std::string& value, const std::string& text) {
  const Explained explained = Explain(text);
  std::set<FusionRule> rules;
  for (const KernelParts& parts : explained.report.kernels)
    if (std::ranges::count(parts.covers, value) > 0)
      for (const JoinedValues& joined : parts.joined) rules.insert(joined.rule);
  return rules;
}

TEST(FusionReport, EachRuleBringsPartsTogether) {
  using enum FusionRule;
  using Rules = std::set<FusionRule>;
  EXPECT_EQ(RulesOf("y", "input x: f64[8]\ne = exp(x)\ny = sin(e)\noutput y\n"), Rules{kInlined});
  const std::string matrices = "input x: f64[16, 16]\ninput w: f64[16, 16]\n";
  EXPECT_EQ(RulesOf("y", matrices + "m = matmul(x, w)\ny = tanh(m)\noutput y\n"), Rules{kEpilogue});
  EXPECT_EQ(RulesOf("y", "input x: f64[8]\ne = exp(x)\noutput e\ny = sin(e)\noutput y\n"),
            Rules{kOneLoop});
  EXPECT_EQ(RulesOf("y", "input x: f64[8]\ne = exp(x)\noutput e\ny = sin(x)\noutput y\n"),
            Rules{kSiblings});
  EXPECT_EQ(RulesOf("y",
                    "input x: f64[16, 8]\nm = max(x, axes=[1], keep_axes=true)\ny = sub(x, m)\n"
                    "output y\n"),
            Rules{kSharedRows});
  EXPECT_TRUE(RulesOf("d",
                      "input x: f64[16, 64]\ns = square(x)\na = sum(x, axes=[1])\n"
                      "b = sum(s, axes=[1])\nc = sub(b, a)\nd = exp(c)\noutput d\n")
                  .contains(kOneReduction));
}

}  // namespace
}  // namespace descent
