#include "compiler/graph/pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "compiler/graph/specialize.h"
#include "ir/io/model_file.h"
#include "ir/io/text_parser.h"
#include "ir/io/text_printer.h"
#include "tests/compiler/graph/sample_models.h"

namespace descent {
namespace {

using ::descent::testing::Contains;
using ::descent::testing::OutputNames;
using ::descent::testing::TwoThreeOne;
using Names = std::vector<std::string>;

TEST(SplitPasses, KeepsArguments) {
  EXPECT_EQ(SplitPasses("specialize(train_step), simplify"),
            (Names{"specialize(train_step)", "simplify"}));
  EXPECT_EQ(SplitPasses(""), Names{});
}

TEST(StandardPasses, RepeatDifferentiationPerUpdate) {
  Model model = TwoThreeOne();
  model.updates.push_back(model.updates[0]);
  EXPECT_EQ(std::ranges::count(StandardPasses(model), "differentiate"), 2);
  EXPECT_EQ(std::ranges::count(StandardPasses(model), "append_optimizer"), 2);
  EXPECT_EQ(std::ranges::count(StandardPasses(model, "differentiated"), "append_optimizer"), 1);
  EXPECT_EQ(std::ranges::count(StandardPasses(model, "simplified"), "differentiate"), 0);
  EXPECT_TRUE(StandardPasses(model, "source").empty());
}

TEST(StandardPasses, GoOnFromAnyStage) {
  const Model source = TwoThreeOne();
  const PipelineOptions options{.pass = {.entry = "train_step"}};
  const auto whole = RunPasses(source, StandardPasses(source), options);
  ASSERT_TRUE(whole.has_value()) << whole.error().ToString();
  for (const GraphStage& stage : GraphStages()) {
    const auto half = RunPasses(source, StandardPasses(source, stage.name), options);
    ASSERT_TRUE(half.has_value()) << half.error().ToString();
    const auto rest = RunPasses(*half, StandardPasses(*half), options);
    ASSERT_TRUE(rest.has_value()) << rest.error().ToString();
    EXPECT_TRUE(SameGraph(rest->graph, whole->graph)) << stage.name;
  }
}

TEST(RunPasses, ReportsEveryPass) {
  std::string seen;
  const PipelineOptions options{
      .pass = {.entry = "evaluate"}, .after_pass = [&](const PassReport& report) {
        seen += fmt::format("{}{} ", report.name, report.changed ? "" : "=");
      }};
  const Names passes = {"specialize", "simplify", "differentiate", "expand"};
  ASSERT_TRUE(RunPasses(TwoThreeOne(), passes, options).has_value());
  EXPECT_EQ(seen, "specialize simplify differentiate= expand ");
}

TEST(RunPasses, SkipsWhatIsDisabled) {
  const Names passes = {"specialize(train_step)", "differentiate"};
  const auto model = RunPasses(TwoThreeOne(), passes, {.disabled = {"differentiate"}});
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(OutputNames(*model), "loss");
}

TEST(RunPasses, RefusesUnknownPasses) {
  const Names unknown = {"fuze"}, argument = {"simplify(x)"};
  EXPECT_TRUE(Contains(RunPasses(TwoThreeOne(), unknown, {}).error().ToString(), "no pass 'fuze'"));
  EXPECT_TRUE(Contains(RunPasses(TwoThreeOne(), argument, {}).error().ToString(),
                       "only specialize takes an argument"));
}

/// What is between two passes may be written to a file and read again.
TEST(RunPasses, OneByOneThroughTextGivesWhatThePipelineGives) {
  int pipelines = 0;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(DESCENT_SOURCE_DIR "/docs/examples")) {
    if (file.path().extension() != ".descent") continue;
    const auto source = ReadModel(file.path().string());
    ASSERT_TRUE(source.has_value()) << source.error().ToString();
    for (const std::string& entry : EntryPoints(*source)) {
      const PipelineOptions options{.pass = {.entry = entry}};
      const Names passes = StandardPasses(*source);
      const auto whole = RunPasses(*source, passes, options);
      ASSERT_TRUE(whole.has_value()) << whole.error().ToString();
      std::string text = PrintText(*source);
      for (const std::string& pass : passes) {
        const auto read = ParseText(text, "text");
        ASSERT_TRUE(read.has_value()) << read.error().ToString();
        const auto next = RunPasses(*read, Names{pass}, options);
        ASSERT_TRUE(next.has_value()) << next.error().ToString();
        text = PrintText(*next);
      }
      EXPECT_EQ(text, PrintText(*whole)) << file.path() << " " << entry;
      ++pipelines;
    }
  }
  EXPECT_GT(pipelines, 100);
}

TEST(RunPasses, EveryStageOfEveryEntryPointVerifies) {
  Model model = TwoThreeOne();
  model.updates[0].optimizer = "adam";
  model.updates[0].clip_norm = 1;
  for (const std::string& entry : EntryPoints(model)) {
    const auto result =
        RunPasses(model, StandardPasses(model), {.pass = {.entry = entry}, .verify_each = true});
    EXPECT_TRUE(result.has_value()) << entry << ": " << result.error().ToString();
  }
}

}  // namespace
}  // namespace descent
