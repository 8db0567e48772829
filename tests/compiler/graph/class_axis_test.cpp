#include "compiler/graph/class_axis.h"

#include <gtest/gtest.h>

#include "ir/io/text_parser.h"

namespace descent {
namespace {

/// The axis of y, of these statements; -1 where nothing tells.
int AxisOf(const std::string& statements) {
  const auto model =
      ParseText("descent 1\nmodel m {\n" + statements + "\n  output y\n}\n", "m.descent");
  EXPECT_TRUE(model) << model.error().ToString();
  if (!model) return -2;
  return ClassAxisOfWeights(*model, model->graph.FindOutput("y")->value).value_or(-1);
}

const std::string kSteps = R"(  input x: f32[4, 5, 3]
  parameter W: f32[3, 6] = glorot_uniform
  parameter b: f32[6] = zeros
  s = matmul(x, W)
  z = add(s, b)
)";
const std::string kImage = R"(  input x: f32[4, 3, 8, 8]
  parameter K: f32[5, 3, 3, 3] = glorot_uniform
  parameter b: f32[5] = zeros
  z = conv2d(x, K, b, padding=[1, 1, 1, 1])
)";

TEST(ClassAxis, IsWhatTheWeightsOfTheLastLayerGive) {
  EXPECT_EQ(AxisOf(kSteps + "  y = relu(z)"), 2);
  EXPECT_EQ(AxisOf(kImage + "  y = relu(z)"), 1);
  EXPECT_EQ(AxisOf(R"(  input x: f32[4, 3, 9]
  parameter K: f32[5, 3, 3] = glorot_uniform
  y = conv1d(x, K))"),
            1);
  EXPECT_EQ(AxisOf(R"(  input ids: i64[4, 5]
  parameter E: f32[7, 7] = glorot_uniform
  y = embedding(E, ids))"),
            2);
  // From the left: classes, then positions.
  EXPECT_EQ(AxisOf(R"(  input x: f32[4, 3, 9]
  parameter W: f32[5, 3] = glorot_uniform
  y = matmul(W, x))"),
            1);
}

TEST(ClassAxis, FollowsTheAxisThroughWhatComesBehind) {
  EXPECT_EQ(AxisOf(kSteps + "  y = transpose(z, permutation=[0, 2, 1])"), 1);
  EXPECT_EQ(AxisOf(kSteps + "  y = log_softmax(z, axis=1)"), 2);
  EXPECT_EQ(AxisOf(kSteps + "  y = layer_norm(z, axis=2)"), 2);
  EXPECT_EQ(AxisOf(kImage + "  y = reshape(z, shape=[4, 5, 64])"), 1);
  EXPECT_EQ(AxisOf(kImage + "  y = max_pool2d(z, kernel=[2, 2], stride=[2, 2])"), 1);
  EXPECT_EQ(AxisOf(kImage + "  t = slice(z, starts=[0, 1, 0, 0], stops=[4, 4, 8, 8])\n"
                            "  y = concat(t, z, axis=1)"),
            1);
}

/// The last layer counts, not those before.
TEST(ClassAxis, OfSeveralLayersIsThatOfTheLast) {
  EXPECT_EQ(AxisOf(R"(  input x: f32[4, 3, 9]
  parameter K: f32[5, 3, 1] = glorot_uniform
  parameter W: f32[9, 6] = glorot_uniform
  h = conv1d(x, K)
  y = matmul(h, W))"),
            2);
}

TEST(ClassAxis, IsNotToldWithoutWeightsOrByTwoAxes) {
  EXPECT_EQ(AxisOf("  input x: f32[4, 5, 3]\n  y = relu(x)"), -1);
  EXPECT_EQ(AxisOf(R"(  input x: f32[4, 5, 3]
  parameter b: f32[5, 3] = ones
  y = mul(x, b))"),
            -1);
  EXPECT_EQ(AxisOf(R"(  input x: f32[4, 3]
  parameter W: f32[3, 10] = glorot_uniform
  z = matmul(x, W)
  y = reshape(z, shape=[4, 5, 2]))"),
            -1);
  EXPECT_EQ(AxisOf(R"(  input x: f32[4, 3, 2]
  parameter W: f32[5, 6, 3] = glorot_uniform
  y = einsum(x, W, equation="nks,cdk->ncd"))"),
            -1);
}

}  // namespace
}  // namespace descent
