#include "ir/graph.h"

#include <gtest/gtest.h>

#include "ir/op_def.h"

namespace descent {
namespace {

TEST(GraphBuilder, MergesEqualNodesAndDropsWhatNoOutputNeeds) {
  GraphBuilder b;
  const Value x = b.Input("x", {DType::kF32, {2, 3}});
  const Value one = b.Constant(Tensor::Scalar(DType::kF32, 1), "one");
  EXPECT_EQ(one, b.Constant(Tensor::Scalar(DType::kF32, 1), "uno"));
  const Value two = b.Constant(Tensor::Scalar(DType::kF32, 2));
  EXPECT_NE(one, two);
  b.Output("y", one);
  const Graph graph = std::move(b).Build();
  EXPECT_EQ(graph.nodes().size(), 2u);
  EXPECT_EQ(graph.NameOf(graph.outputs()[0].value), "one") << "the first name wins";
  EXPECT_EQ(graph.FindInput("x")->value, x);
}

TEST(GraphBuilder, TellsMinusZeroFromZero) {
  GraphBuilder b;
  EXPECT_NE(b.Constant(Tensor::Scalar(DType::kF32, 0.0)),
            b.Constant(Tensor::Scalar(DType::kF32, -0.0)));
}

TEST(GraphBuilder, NamesTheRuleThatAUserBroke) {
  GraphBuilder b;
  auto unknown = b.TryAdd("matmull", {}, {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "unknown operator 'matmull'");
  auto missing = b.TryAdd("constant", {}, {}, {.names = {"c"}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "'c' (constant): needs attribute value");
}

/// C++ leaves open which argument is evaluated first; the graph is the same.
TEST(Graph, UnnamedNodesStandWhereTheyAreReadFirst) {
  const auto build = [](bool left_first) {
    GraphBuilder b;
    const Value x = b.Input("x", {DType::kF32, {3}});
    Value left, right;
    for (const bool is_left : {left_first, !left_first})
      (is_left ? left : right) = b.Add(is_left ? "neg" : "abs", {x});
    b.Output("y", b.Add("sub", {left, right}));
    return std::move(b).Build();
  };
  for (const bool left_first : {true, false}) {
    const Graph graph = build(left_first);
    ASSERT_EQ(graph.nodes().size(), 4u);
    EXPECT_EQ(graph.nodes()[1].op->name, "neg");
    EXPECT_EQ(graph.nodes()[2].op->name, "abs");
  }
}

TEST(Graph, NamedNodesKeepTheirOrder) {
  GraphBuilder b;
  const Value x = b.Input("x", {DType::kF32, {3}});
  const Value right = b.Add("abs", {x}, {}, "right"), left = b.Add("neg", {x}, {}, "left");
  b.Output("y", b.Add("sub", {left, right}));
  const Graph graph = std::move(b).Build();
  EXPECT_EQ(graph.NameOf({1, 0}), "right");
  EXPECT_EQ(graph.NameOf({2, 0}), "left");
}

}  // namespace
}  // namespace descent
