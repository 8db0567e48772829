#include "compiler/graph/flops.h"

#include <gtest/gtest.h>

#include <limits>

#include "ir/op_def.h"

namespace descent {
namespace {

TEST(Flops, CountMultiplicationsAndAdditionsApart) {
  const TensorType operands[] = {{DType::kF32, {10, 2}}, {DType::kF32, {2, 3}}};
  Attributes attributes;
  ASSERT_TRUE(InferTypes(*FindOp("matmul"), operands, attributes).has_value());
  EXPECT_EQ(FlopsOf(*FindOp("matmul"), operands, attributes), 10 * 3 * 2 * 2);
}

TEST(Flops, CountWhatCompositesExpandTo) {
  const TensorType operands[] = {{DType::kF32, {4, 3}}, {DType::kF32, {4, 3}}};
  Attributes attributes;
  ASSERT_TRUE(InferTypes(*FindOp("mse"), operands, attributes).has_value());
  // sub and square per element, an addition per element and one division for the mean
  EXPECT_EQ(FlopsOf(*FindOp("mse"), operands, attributes), 12 + 12 + 12 + 1);
}

TEST(Flops, OfTheModelCountWhatIsComputedAgainOnce) {
  GraphBuilder b;
  const Value x = b.Input("x", {DType::kF32, {8}});
  const Value first = b.Add("exp", {x});
  const Value held = b.Add("barrier", {x, first}, {{"region", int64_t{0}}});
  b.Output("y", b.Add("mul", {first, b.Add("exp", {held})}));
  const Graph graph = std::move(b).Build();
  EXPECT_EQ(FlopsOf(graph), 8 + 8 + 8);
  EXPECT_EQ(ModelFlops(graph), 8 + 8);
}

TEST(Flops, CountsStopAtTheLargestNumber) {
  GraphBuilder innermost;
  innermost.Output("next", innermost.Add("exp", {innermost.Input("x", {DType::kF32, {2}})}));
  Graph body = std::move(innermost).Build();
  const int64_t trips = 1'000'000'000;
  const auto loop = [&](GraphBuilder& b) {
    return b.Add("for", {b.Input("x", {DType::kF32, {2}})},
                 {{"body", std::make_shared<const Graph>(body)}, {"trip_count", trips}});
  };
  for (int depth = 0; depth < 2; ++depth) {
    GraphBuilder around;
    around.Output("next", loop(around));
    body = std::move(around).Build();
  }
  const TensorType operands[] = {{DType::kF32, {2}}};
  const Attributes attributes = {{"body", std::make_shared<const Graph>(body)},
                                 {"trip_count", trips}};
  EXPECT_EQ(FlopsOf(*FindOp("for"), operands, attributes), std::numeric_limits<int64_t>::max());
}

}  // namespace
}  // namespace descent
