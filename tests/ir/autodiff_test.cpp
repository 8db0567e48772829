#include "ir/autodiff.h"

#include <gtest/gtest.h>

#include "ir/expr.h"
#include "ir/interpreter.h"
#include "ir/op_def.h"

namespace descent {
namespace {

TensorType Scalar() { return {DType::kF32, {}}; }

/// Gradients of `y` for `wanted`, evaluated; `b` is spent.
std::vector<Tensor> Gradients(GraphBuilder& b, Value y, std::vector<Value> wanted,
                              std::vector<Tensor> inputs, std::vector<Value> constant = {}) {
  const Value one = ExpandTo({b, b.ConstantLike(y, 1)}, b.shape(y));
  auto gradients = ReverseWalk(b, {{{y, one}}}, wanted, constant);
  EXPECT_TRUE(gradients) << gradients.error().message;
  for (const Value gradient : *gradients) b.Output("", gradient);
  return Interpret(std::move(b).Build(), inputs)->outputs;
}

Tensor Number(double value) { return Tensor::Scalar(DType::kF32, value); }

TEST(Autodiff, SumsOverTheUsesOfAValue) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", Scalar()));
  // y = x * x + 3 x, dy/dx = 2 x + 3
  const auto gradients = Gradients(b, x * x + 3.0 * x, {x}, {Number(5)});
  EXPECT_EQ(gradients[0].GetDouble(0), 13);
}

TEST(Autodiff, SumsOverBroadcastAxes) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", {DType::kF32, {2, 3}}));
  const Expr row(b, b.Input("row", {DType::kF32, {3}}));
  const Expr column(b, b.Input("column", {DType::kF32, {2, 1}}));
  const auto gradients =
      Gradients(b, x * row + column, {row, column},
                {Tensor::FromDoubles({DType::kF32, {2, 3}}, {{1, 2, 3, 4, 5, 6}}),
                 Tensor::Full({DType::kF32, {3}}, 1), Tensor::Full({DType::kF32, {2, 1}}, 1)});
  EXPECT_EQ(gradients[0], Tensor::FromDoubles({DType::kF32, {3}}, {{5, 7, 9}}));
  EXPECT_EQ(gradients[1], Tensor::Full({DType::kF32, {2, 1}}, 3));
}

TEST(Autodiff, AnUnusedBranchHasZeroGradientAndNoNodes) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", Scalar())), unused(b, b.Input("unused", {DType::kF32, {2}}));
  const Value branch = Exp(unused);
  const auto gradients =
      Gradients(b, Sin(x), {unused}, {Number(1), Tensor::Full({DType::kF32, {2}}, 1)});
  EXPECT_EQ(gradients[0], Tensor::Full({DType::kF32, {2}}, 0));
  EXPECT_TRUE(branch.valid());
}

TEST(Autodiff, WantedValuesAreIndependent) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", Scalar()));
  const Expr z = Square(x);
  // y = z * x with z held fixed: dy/dx = z, dy/dz = x
  const auto gradients = Gradients(b, z * x, {x, z}, {Number(3)});
  EXPECT_EQ(gradients[0].GetDouble(0), 9);
  EXPECT_EQ(gradients[1].GetDouble(0), 3);
}

TEST(Autodiff, ConstantValuesEndTheWalk) {
  // y = z x: dy/dx = z if z is held fixed, not 3 x^2; a wanted value is no constant.
  const auto gradient = [](bool by_z) {
    GraphBuilder b;
    const Expr x(b, b.Input("x", Scalar()));
    const Expr z = Square(x);
    return Gradients(b, z * x, {by_z ? z : x}, {Number(3)}, {z})[0].GetDouble(0);
  };
  EXPECT_EQ(gradient(false), 9);
  EXPECT_EQ(gradient(true), 3);
}

TEST(Autodiff, GradientOfAGradient) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", Scalar()));
  const Expr y = x * x * x;
  const auto first = ReverseWalk(b, {{{y, y.Like(1)}}}, {{x}});
  ASSERT_TRUE(first);
  EXPECT_EQ(Gradients(b, (*first)[0], {x}, {Number(2)})[0].GetDouble(0), 12);
}

TEST(Autodiff, NamesTheNodeWithoutAGradient) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", {DType::kF32, {3}})), y(b, b.Input("y", {DType::kF32, {3}}));
  const Value metric = b.Add("mean_absolute_error", {x, y}, {}, "error");
  const auto gradients = ReverseWalk(b, {{{metric, metric}}}, {{x}});
  ASSERT_FALSE(gradients);
  EXPECT_EQ(gradients.error().message,
            "'error' (mean_absolute_error) has no gradient: metrics are counted, not trained on");
}

TEST(Autodiff, RefusesTheGradientOfAnInteger) {
  GraphBuilder b;
  const Value i = b.Input("i", {DType::kI64, {}});
  const Expr y = CastTo({b, i}, DType::kF32);
  const auto gradients = ReverseWalk(b, {{{y, y.Like(1)}}}, {{i}});
  ASSERT_FALSE(gradients);
  EXPECT_NE(gradients.error().message.find("only floats"), std::string::npos);
}

TEST(Autodiff, FailureInsideALoopBodyIsReported) {
  GraphBuilder body;
  const Value s = body.Input("s", {DType::kF64, {2}});
  body.Output("next",
              body.Add("mean_absolute_error", {body.Add("cast", {s}, {{"to", DType::kF32}}),
                                               body.Add("cast", {s}, {{"to", DType::kF32}})}));
  GraphBuilder b;
  const Value start = b.Input("s", {DType::kF64, {2}});
  const Value y = b.Add("scan", {start},
                        {{"body", std::make_shared<const Graph>(std::move(body).Build())},
                         {"carried", int64_t{1}},
                         {"trip_count", int64_t{2}}});
  const auto gradients = ReverseWalk(b, {{{y, y}}}, {{start}});
  ASSERT_FALSE(gradients);
  EXPECT_NE(gradients.error().message.find("(mean_absolute_error) has no gradient"),
            std::string::npos);
}

TEST(Autodiff, LabelsNewNodesWithTheirOrigin) {
  GraphBuilder b;
  const Expr x(b, b.Input("x", Scalar()));
  const Value y = b.Add("sigmoid", {x}, {}, "a1");
  const auto gradients = ReverseWalk(b, {{{y, b.ConstantLike(y, 2)}}}, {{x}});
  ASSERT_TRUE(gradients);
  EXPECT_EQ(b.node((*gradients)[0]).label.origin, "a1");
  EXPECT_EQ(b.node((*gradients)[0]).label.section, Section::kBackward);
  EXPECT_EQ(b.section(), Section::kForward);
}

TEST(Autodiff, BiasGradientIsOneSum) {
  GraphBuilder b;
  const Value g = b.Input("g", {DType::kF32, {4, 3}});
  const Value fitted = FitGradient(b, g, {3});
  EXPECT_EQ(b.node(fitted).op->name, "sum");
  EXPECT_EQ(b.shape(fitted), Shape{3});
  EXPECT_EQ(b.shape(FitGradient(b, g, {1, 3})), (Shape{1, 3}));
  EXPECT_EQ(b.shape(FitGradient(b, g, {1})), Shape{1});
  EXPECT_EQ(b.shape(FitGradient(b, fitted, {4, 3})), (Shape{4, 3}));
}

}  // namespace
}  // namespace descent
