#include "compiler/graph/differentiate.h"

#include <gtest/gtest.h>

#include "compiler/graph/attach_task.h"
#include "compiler/graph/pipeline.h"
#include "compiler/graph/trained_part.h"
#include "ir/io/text_parser.h"

namespace descent {
namespace {

/// `p` is computed from z = x W; V is another parameter.
Result<Model> Differentiated(const std::string& p) {
  const std::string text = fmt::format(R"(descent 1
model m {{
  batch 4
  input x: f32[batch, 2] from features
  input y: f32[batch, 1] from label
  parameter W: f32[2, 1] = glorot_uniform
  parameter V: f32[2, 1] = glorot_uniform
  z = matmul(x, W)
  {}
  loss = mse(p, y)
  train loss with sgd
}}
)",
                                       p);
  const auto model = ParseText(text, "m.descent");
  EXPECT_TRUE(model.has_value()) << model.error().ToString();
  const std::vector<std::string> passes = {"specialize(train_step)", "differentiate"};
  return RunPasses(*model, passes, {});
}

TEST(Differentiate, TakesTheParametersThatTheLossDependsOn) {
  const auto model = Differentiated("p = sigmoid(z)");
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(model->gradients, std::vector<std::string>{"grad.W"});
}

TEST(Differentiate, RefusesAParameterBehindIntegersAndBools) {
  const auto model = Differentiated("fired = greater(z, 0.0)\n  p = cast(fired, to=f32)");
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().message,
            "the loss depends on 'W' only through integers and bools, so it has no gradient");
  EXPECT_EQ(model.error().location.line, 6);
}

TEST(Differentiate, AFloatPathBesideABoolIsEnough) {
  const auto model = Differentiated("fired = greater(z, 0.0)\n  p = where(fired, z, 0.0)");
  EXPECT_TRUE(model.has_value()) << model.error().ToString();
}

/// y = `end` of z = x W, with a task. A threshold t has a place in it.
Model WithTask(const std::string& end) {
  const std::string text = fmt::format(R"(descent 1
model m {{
  input x: f32[4, 2]
  parameter W: f32[2, 1] = glorot_uniform
  parameter t: f32[] = zeros
  z = matmul(x, W)
  fired = greater(z, t)
  y = {}
  output y
}}
)",
                                       end);
  const auto model = ParseText(text, "m.descent");
  EXPECT_TRUE(model.has_value()) << model.error().ToString();
  auto attached = AttachTask(*model, {.loss = "mse"});
  EXPECT_TRUE(attached.has_value()) << attached.error().ToString();
  return *std::move(attached);
}

TEST(FreezeWithoutDerivative, LeavesThresholdsAsTheyAre) {
  const std::vector<std::string> passes = {"specialize(train_step)", "differentiate"};
  Model model = WithTask("where(fired, z, 0.0)");
  EXPECT_FALSE(RunPasses(model, passes, {}));
  for (const std::vector<std::string>& train : {std::vector<std::string>{}, {"*"}, {"W"}}) {
    Model frozen = model;
    ASSERT_TRUE(FreezeWithoutDerivative(frozen, train));
    EXPECT_TRUE(frozen.slots[0].trainable);
    EXPECT_FALSE(frozen.slots[1].trainable);
    EXPECT_EQ(TrainedPartOf(frozen).without_derivative, std::vector<std::string>{"t"});
    const auto differentiated = RunPasses(frozen, passes, {});
    ASSERT_TRUE(differentiated) << differentiated.error().ToString();
    EXPECT_EQ(differentiated->gradients, std::vector<std::string>{"grad.W"});
  }
  const auto named = FreezeWithoutDerivative(model, {"t"});
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().message,
            "the loss depends on 't' only through integers and bools, so it has no gradient");
  EXPECT_NE(named.error().hint.find("without --train t it keeps its value"), std::string::npos);
}

TEST(FreezeWithoutDerivative, LeavesTheRestAlone) {
  Model with_path = WithTask("where(fired, z, t)");
  ASSERT_TRUE(FreezeWithoutDerivative(with_path, {}));
  EXPECT_TRUE(with_path.slots[1].trainable);
  EXPECT_TRUE(TrainedPartOf(with_path).without_derivative.empty());
  // Nothing would be left to train: differentiate says why.
  Model nothing = WithTask("cast(fired, to=f32)");
  ASSERT_TRUE(FreezeWithoutDerivative(nothing, {}));
  const std::vector<std::string> passes = {"specialize(train_step)", "differentiate"};
  const auto refused = RunPasses(nothing, passes, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("so it has no gradient"), std::string::npos);
}

}  // namespace
}  // namespace descent
