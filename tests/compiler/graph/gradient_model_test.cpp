#include "compiler/graph/gradient_model.h"

#include <gtest/gtest.h>

#include "compiler/graph/differentiate.h"
#include "ir/interpreter.h"
#include "ir/io/text_parser.h"
#include "tests/compiler/graph/sample_models.h"

namespace descent {
namespace {

using ::descent::testing::InputNames;
using ::descent::testing::OutputNames;

Model Parsed(const std::string& statements) {
  auto model = ParseText("descent 1\nmodel m {\n" + statements + "}\n", "m.descent");
  EXPECT_TRUE(model) << model.error().ToString();
  return *std::move(model);
}

Tensor Numbers(Shape shape, std::vector<double> values) {
  return Tensor::FromDoubles({DType::kF32, std::move(shape)}, values);
}

TEST(GradientModel, HoldsAGradientForEveryFloat) {
  const auto model = GradientModel(Parsed(R"(  input x: f32[2]
  input i: i64[2]
  parameter W: f32[2] = ones
  y = mul(x, W)
  n = sum(y)
  c = add(i, i)
  output y
  output n
  output c
)"));
  ASSERT_TRUE(model) << model.error().ToString();
  EXPECT_EQ(InputNames(*model), "x i W cotangent.y cotangent.n");
  EXPECT_EQ(OutputNames(*model), "grad.x grad.W");
  const auto run = Interpret(
      model->graph, std::vector{Numbers({2}, {1, 2}),
                                Tensor::FromInts({DType::kI64, {2}}, std::vector<int64_t>{0, 0}),
                                Numbers({2}, {3, 4}), Numbers({2}, {1, 10}), Numbers({}, {100})});
  ASSERT_TRUE(run) << run.error().ToString();
  EXPECT_EQ(run->outputs[0], Numbers({2}, {303, 440}));  // W * (g + 100)
  EXPECT_EQ(run->outputs[1], Numbers({2}, {101, 220}));  // x * (g + 100)
}

TEST(GradientModel, WhatNoOutputReadsHasZeros) {
  const auto model = GradientModel(Parsed(R"(  input unread: f32[2]
  input x: f32[2]
  input ids: i64[3]
  parameter U: f32[1] = ones
  y = mul(x, x)
  output y
)"));
  ASSERT_TRUE(model) << model.error().ToString();
  EXPECT_EQ(InputNames(*model), "unread x ids U cotangent.y");
  ASSERT_EQ(model->inputs.size(), 4u);  // the data's
  EXPECT_EQ(OutputNames(*model), "grad.unread grad.x grad.U");
  const auto run = Interpret(
      model->graph, std::vector{Numbers({2}, {5, 6}), Numbers({2}, {1, 2}),
                                Tensor::FromInts({DType::kI64, {3}}, std::vector<int64_t>{0, 0, 0}),
                                Numbers({1}, {1}), Numbers({2}, {3, 4})});
  ASSERT_TRUE(run) << run.error().ToString();
  EXPECT_EQ(run->outputs[0], Numbers({2}, {0, 0}));
  EXPECT_EQ(run->outputs[1], Numbers({2}, {6, 16}));
  EXPECT_EQ(run->outputs[2], Numbers({1}, {0}));
}

/// All rows count, also where rows are mixed or chosen by numbers.
TEST(GradientModel, HasNoPaddedRows) {
  const auto model = GradientModel(Parsed(R"(  batch 3
  input ids: i64[batch] from features
  input x: f32[batch, 2] from features
  parameter E: f32[4, 2] = ones
  e = embedding(E, ids)
  s = sum(x, axes=[0], keepdims=true)
  y = mul(e, s)
  output y
)"));
  ASSERT_TRUE(model) << model.error().ToString();
  EXPECT_EQ(model->batch, 0);
  const auto run = Interpret(
      model->graph,
      std::vector{Tensor::FromInts({DType::kI64, {3}}, std::vector<int64_t>{0, 1, 1}),
                  Numbers({3, 2}, {1, 2, 3, 4, 5, 6}), Tensor::Full({DType::kF32, {4, 2}}, 1),
                  Numbers({3, 2}, {1, 1, 10, 10, 100, 100})});
  ASSERT_TRUE(run) << run.error().ToString();
  EXPECT_EQ(run->outputs[0], Numbers({3, 2}, {111, 111, 111, 111, 111, 111}));
  EXPECT_EQ(run->outputs[1], Numbers({4, 2}, {9, 12, 990, 1320, 0, 0, 0, 0}));
}

TEST(GradientModel, OfATrainedModelIsThatOfItsOutputs) {
  const auto model = GradientModel(testing::TwoThreeOne());
  ASSERT_TRUE(model) << model.error().ToString();
  EXPECT_EQ(InputNames(*model), "x y W1 W2 cotangent.yhat cotangent.loss");
  EXPECT_EQ(OutputNames(*model), "grad.x grad.y grad.W1 grad.W2");
  EXPECT_EQ(model->batch, 0);
}

TEST(GradientModel, TheNextStateIsNoOutput) {
  const auto model = GradientModel(Parsed(R"(  input x: f32[2]
  statistic seen: f32[2] = zeros -> next
  y = mul(x, 3.0)
  next = add(seen, x)
  output y
)"));
  ASSERT_TRUE(model) << model.error().ToString();
  EXPECT_EQ(InputNames(*model), "x seen cotangent.y");
  EXPECT_EQ(OutputNames(*model), "grad.x grad.seen");
}

TEST(GradientModel, DropoutKeepsEverything) {
  const auto model = GradientModel(Parsed(R"(  input x: f32[3]
  y = dropout(x, rate=0.5)
  output y
)"));
  ASSERT_TRUE(model) << model.error().ToString();
  const auto run =
      Interpret(model->graph, std::vector{Numbers({3}, {1, 2, 3}), Numbers({3}, {4, 5, 6})});
  EXPECT_EQ(run->outputs[0], Numbers({3}, {4, 5, 6}));
}

}  // namespace
}  // namespace descent
