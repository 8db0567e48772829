#include "compiler/graph/specialize.h"

#include <gtest/gtest.h>

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

TEST(Specialize, UnknownEntryPointsAreRefused) {
  const auto result = Specialize(TwoThreeOne(), {.entry = "train"});
  ASSERT_FALSE(result.has_value());
  EXPECT_TRUE(Contains(result.error().ToString(), "no entry point 'train'"));
  EXPECT_TRUE(Contains(result.error().ToString(), "train_step, evaluate, predict"));
}

}  // namespace
}  // namespace descent
