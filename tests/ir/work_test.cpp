#include "ir/work.h"

#include <gtest/gtest.h>

#include <limits>

namespace descent {
namespace {

int64_t WorkOf(std::string_view op, std::vector<TensorType> operands, Attributes attributes = {}) {
  EXPECT_TRUE(InferTypes(*FindOp(op), operands, attributes).has_value());
  return InterpreterWork(*FindOp(op), operands, attributes);
}

/// A body that maps x: f32[2] to exp(x).
Attribute ExpBody() {
  GraphBuilder b;
  b.Output("y", b.Add("exp", {b.Input("x", {DType::kF32, {2}})}));
  return std::make_shared<const Graph>(std::move(b).Build());
}

TEST(InterpreterWork, CountsReducedPoints) {
  const int64_t node = WorkOf("exp", {{DType::kF32, {0}}});
  EXPECT_GT(node, 0);
  EXPECT_EQ(WorkOf("matmul", {{DType::kF32, {10, 2}}, {DType::kF32, {2, 3}}}),
            node + 10 * 3 * 2 + 10 * 3);
  EXPECT_EQ(WorkOf("iota", {}, {{"shape", Shape{1 << 20, 1 << 13}}}), node + (int64_t{1} << 33));
}

TEST(InterpreterWork, CountsEveryIterationOfALoop) {
  const TensorType x{DType::kF32, {2}};
  const auto loop = [&](int64_t trips) {
    return WorkOf("for", {x}, {{"body", ExpBody()}, {"trip_count", trips}});
  };
  // The exponentials, and the carried value as it goes in and out; more for the nodes.
  EXPECT_GE(loop(1000) - loop(0), 1000 * (2 + 2 + 2));
  EXPECT_EQ(loop(2000) - loop(1000), loop(1000) - loop(0));
}

TEST(InterpreterWork, StopsAtTheLargestNumber) {
  EXPECT_EQ(WorkOf("sum", {{DType::kF32, {1 << 20, 1 << 20}}}), (int64_t{1} << 40) + 17);
  GraphBuilder b;
  const TensorType x{DType::kF32, {2}};
  b.Output("y", b.Add("for", {b.Input("x", x)},
                      {{"body", ExpBody()}, {"trip_count", int64_t{1} << 39}}));
  const Attribute body = std::make_shared<const Graph>(std::move(b).Build());
  EXPECT_EQ(WorkOf("for", {x}, {{"body", body}, {"trip_count", int64_t{1} << 39}}),
            std::numeric_limits<int64_t>::max());
}

}  // namespace
}  // namespace descent
