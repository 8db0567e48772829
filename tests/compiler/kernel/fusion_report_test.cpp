// What keeps kernels apart, and how their parts came together, is what was decided.
#include "compiler/kernel/fusion_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "compiler/kernel/plan_memory.h"
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

TEST(FusionReport, TheTableHasEachObstacleOnce) {
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

/// Pairs of calls of which one writes a buffer that the other reads before it is overwritten.
std::set<std::pair<int, int>> HandedOn(const EntryProgram& entry, const KernelProgram& program) {
  std::set<std::pair<int, int>> pairs;
  std::map<int, int> writers;  // of each buffer, until now
  const StepListing steps = ListSteps(entry, program.kernels);
  for (int reader = 0; reader < static_cast<int>(steps.calls.size()); ++reader) {
    const KernelCall& call = *steps.calls[reader];
    const auto& parameters = program.kernels[call.kernel].parameters;
    for (size_t i = 0; i < parameters.size(); ++i)
      if (const auto writer = writers.find(call.arguments[i].buffer); writer != writers.end())
        if (!parameters[i].written) pairs.insert({writer->second, reader});
    for (size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i].written) writers[call.arguments[i].buffer] = reader;
  }
  return pairs;
}

TEST(FusionReport, HasEachPairOfNeighbours) {
  for (const ModelSample& sample : ModelSamples()) {
    SCOPED_TRACE(sample.name);
    const Explained explained = Explain(OptimizedModel(sample.text, sample.entry));
    const EntryProgram& entry = explained.program.entries[0];
    if (std::ranges::any_of(SummarizeCalls(entry, explained.program),
                            [](const CallSummary& call) { return call.kernel < 0; }))
      continue;  // loops and branches stand for what is inside
    std::set<std::pair<int, int>> reported;
    for (const FusionPair& pair : explained.report.pairs) {
      EXPECT_TRUE(reported.insert({pair.writer.first_call, pair.reader.first_call}).second);
      EXPECT_FALSE(pair.values.empty());
    }
    EXPECT_EQ(reported, HandedOn(entry, explained.program)) << explained.kernels;
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
    EXPECT_EQ(pair.writer.trip_count, pair.writer.kind == Kind::kLoop ? 4 : 0);
  }
  EXPECT_TRUE(kinds.contains({Kind::kLoop, Kind::kBranch})) << Lines(explained.report);
  EXPECT_TRUE(inside.contains("t") && inside.contains("a")) << Lines(explained.report);
}

/// The product may not overwrite its factor, which it reads elsewhere; what reads it and overwrites
/// the factor is a kernel of its own.
TEST(FusionReport, OldValueOfASlotIsNamed) {
  GraphBuilder b;
  const Expr w{b, b.Input("slot.W", {DType::kF64, {4, 4}})};
  b.Output("next.slot.W", Matmul(w, w));
  const Explained explained = Explain(RunModel(std::move(b).Build()));
  EXPECT_EQ(Lines(explained.report),
            "0 -> 1 by next.slot.W: inline reduction \n"
            "0 -> 1 by next.slot.W: one_loop old_value slot.W\n"
            "0 -> 1 by next.slot.W: shared_rows contraction \n");
}

TEST(FusionReport, PairsStandInTheOrderOfCalls) {
  FusionReport report;
  report.AddCopy(4, 5, "next.W", "W");
  report.AddCopy(2, 3, "next.b", "b");
  report.Sort();
  EXPECT_EQ(Lines(report),
            "2 -> 3 by next.b: one_loop old_value b\n4 -> 5 by next.W: one_loop old_value W\n");
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
                    "input x: f64[16, 8]\nm = max(x, axes=[1], keepdims=true)\ny = sub(x, m)\n"
                    "output y\n"),
            Rules{kSharedRows});
  EXPECT_TRUE(RulesOf("y",
                      "input x: f64[16, 64]\ns = square(x)\na = sum(x, axes=[1], keepdims=true)\n"
                      "b = sum(s, axes=[1], keepdims=true)\nc = sub(x, a)\ny = mul(c, b)\n"
                      "output y\n")
                  .contains(kOneReduction));
}

}  // namespace
}  // namespace descent
