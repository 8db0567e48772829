#include "compiler/graph/differentiate.h"

#include <gtest/gtest.h>

#include "compiler/graph/pipeline.h"
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

}  // namespace
}  // namespace descent
