#include "compiler/graph/specialize.h"

#include <gtest/gtest.h>

#include "compiler/graph/pipeline.h"
#include "ir/batch_axis.h"
#include "ir/io/text_parser.h"
#include "tests/compiler/graph/sample_models.h"

namespace descent {
namespace {

using ::descent::testing::Contains;
using ::descent::testing::InputNames;
using ::descent::testing::OutputNames;
using ::descent::testing::TwoThreeOne;

Model Specialized(const Model& model, PassOptions options) {
  auto result = Specialize(model, options);
  EXPECT_TRUE(result.has_value()) << result.error().ToString();
  return result ? *std::move(result) : Model{};
}

TEST(Specialize, TrainStepKeepsTheLoss) {
  const Model model = Specialized(TwoThreeOne(), {.entry = "train_step"});
  EXPECT_EQ(model.entry, "train_step");
  EXPECT_EQ(OutputNames(model), "loss");
  EXPECT_EQ(InputNames(model), "x y W1 W2");
  EXPECT_EQ(model.batch, 10);
}

TEST(Specialize, PredictNeedsNoTargetsAndTakesItsOwnBatch) {
  const Model model = Specialized(TwoThreeOne(), {.entry = "predict", .predict_batch = 1});
  EXPECT_EQ(OutputNames(model), "yhat");
  EXPECT_EQ(InputNames(model), "x W1 W2");
  EXPECT_EQ(ToString(model.graph.type(model.graph.outputs()[0].value)), "f32[1, 1]");
  EXPECT_EQ(ToString(model.FindInput("x")->type), "f32[1, 2]");
}

TEST(Specialize, EvaluateAndMetricsFitTogether) {
  Model source = TwoThreeOne();
  source.evaluate_batch = 50;
  source.metrics = {{.name = "error", .op = "mean_absolute_error", .operands = {"yhat", "y"}}};
  const Model evaluate = Specialized(source, {.entry = "evaluate"});
  EXPECT_EQ(evaluate.batch, 50);
  EXPECT_EQ(OutputNames(evaluate), "loss metric.loss metric.error");
  const Model metrics = Specialized(source, {.entry = "metrics"});
  EXPECT_EQ(InputNames(metrics), "metric.loss metric.error");
  EXPECT_EQ(OutputNames(metrics), "loss error");
}

TEST(Specialize, InitializeListsEverySlot) {
  Model source = TwoThreeOne();
  source.updates[0].optimizer = "momentum";
  const Model model = Specialized(source, {.entry = "initialize"});
  EXPECT_EQ(OutputNames(model),
            "next.W1 next.W2 next.W1.velocity next.W2.velocity next.step next.learning_rate");
  EXPECT_EQ(model.slots.size(), 4u);
}

TEST(Specialize, AModelWithoutLossRuns) {
  Model source = TwoThreeOne();
  source.updates.clear();
  source.predictions.clear();
  EXPECT_EQ(EntryPoints(source), (std::vector<std::string>{"initialize", "run"}));
  EXPECT_EQ(OutputNames(Specialized(source, {.entry = "run"})), "yhat loss");
}

TEST(Specialize, BatchesCanBeOverridden) {
  const PassOptions options{.entry = "train_step", .batch = 32};
  EXPECT_EQ(ToString(Specialized(TwoThreeOne(), options).FindInput("x")->type), "f32[32, 2]");
  PassOptions evaluate = options;
  evaluate.entry = "evaluate";
  EXPECT_EQ(Specialized(TwoThreeOne(), evaluate).batch, 32);
}

TEST(Specialize, OutputsKnowTheirBatchAxis) {
  const Model model = Specialized(TwoThreeOne(), {.entry = "predict"});
  EXPECT_EQ(OutputBatchAxes(model), std::vector<int>{0});
  EXPECT_EQ(OutputBatchAxes(Specialized(TwoThreeOne(), {.entry = "train_step"})),
            std::vector<int>{kNoBatchAxis});
}

/// What top_k and expand_rows are replaced by does not show the rows.
TEST(Specialize, OutputsKeepTheirBatchAxisThroughEveryPass) {
  const auto model = ParseText(
      "descent 1\nmodel m {\n  batch 3\n  input x: f32[batch, 4] from x\n"
      "  parameter b: f32[2] = zeros\n  wide = expand_rows(b, x, shape=[-1, 2])\n"
      "  best, places = top_k(x, k=2)\n  output wide\n  output places\n}\n",
      "m.descent");
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  for (const int64_t batch : {1, 3, 8}) {
    const auto specialized = Specialized(*model, {.entry = "run", .batch = batch});
    const auto passed = RunPasses(specialized, StandardPasses(specialized), {});
    ASSERT_TRUE(passed.has_value()) << passed.error().ToString();
    EXPECT_EQ(OutputBatchAxes(*passed), (std::vector<int>{0, 0}));
  }
}

TEST(Specialize, ASpecializedModelIsNoSource) {
  const Model model = Specialized(TwoThreeOne(), {.entry = "predict"});
  EXPECT_FALSE(Specialize(model, {.entry = "evaluate"}).has_value());
}

TEST(Specialize, UnknownEntryPointsAreRefused) {
  const auto result = Specialize(TwoThreeOne(), {.entry = "train"});
  ASSERT_FALSE(result.has_value());
  EXPECT_TRUE(Contains(result.error().ToString(), "no entry point 'train'"));
  EXPECT_TRUE(Contains(result.error().ToString(), "train_step, evaluate, predict"));
}

TEST(Specialize, AnAttributeThatRepeatsTheBatchFitsNoOther) {
  const auto model = ParseText(
      "descent 1\nmodel m {\n  batch 3\n  input x: f32[batch, 2] from x\n"
      "  parameter b: f32[2] = zeros\n  wide = expand(b, shape=[3, 2])\n  y = add(x, wide)\n"
      "  total = sum(y)\n  output total\n}\n",
      "m.descent");
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_TRUE(Specialize(*model, {.entry = "run"}).has_value());
  // One row would be added to all three, and count three times.
  const auto one = Specialize(*model, {.entry = "run", .batch = 1});
  ASSERT_FALSE(one.has_value());
  EXPECT_TRUE(Contains(one.error().ToString(), "run: 'y' has 3 rows")) << one.error().ToString();
  EXPECT_TRUE(Contains(one.error().ToString(), "must not repeat the batch size"));
}

TEST(Specialize, ABatchIsForgottenWhereRowsAreMixed) {
  const auto with = [](const std::string& operation) {
    auto model = ParseText(
        "descent 1\nmodel m {\n  batch 3\n  input x: f32[batch, 2] from x\n  y = " + operation +
            "\n  output y\n}\n",
        "m.descent");
    DESCENT_CHECK(model.has_value(), model.error().ToString());
    ForgetBatchOfMixedRows(*model);
    return *std::move(model);
  };
  EXPECT_EQ(with("relu(x)").batch, 3);
  const Model mixed = with("cumsum(x, axis=0)");
  EXPECT_EQ(mixed.batch, 0);
  EXPECT_EQ(mixed.inputs[0].batch_axis, -1);
  EXPECT_TRUE(Specialize(mixed, {.entry = "run"}).has_value());
}

}  // namespace
}  // namespace descent
