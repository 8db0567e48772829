#include "ir/graph.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace descent
