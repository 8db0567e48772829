#include "compiler/graph/batch_axis.h"

#include <gtest/gtest.h>

#include "compiler/graph/index_range.h"
#include "ir/op_def.h"

namespace descent {
namespace {

TEST(SimplifyIndex, UndoesLinearization) {
  const Shape extents = {10, 28, 28};
  const Index linear = (Axis(0) * 28 + Axis(1)) * 28 + Axis(2);
  EXPECT_EQ(ToString(SimplifyIndex(FloorDiv(linear, 784), extents)), "i0");
  EXPECT_EQ(ToString(SimplifyIndex(Mod(FloorDiv(linear, 28), 28), extents)), "i1");
  EXPECT_EQ(ToString(SimplifyIndex(Mod(linear, 28), extents)), "i2");
}

TEST(SimplifyIndex, DividesByACommonFactor) {
  const Index index = FloorDiv(Axis(0) * 4 + Axis(1), 12);
  EXPECT_EQ(ToString(SimplifyIndex(index, {6, 4})), ToString(FloorDiv(Axis(0), 3)));
}

/// Agrees with the index it came from at every point.
TEST(SimplifyIndex, KeepsItsValue) {
  const Shape extents = {3, 4, 5};
  const Index linear = Axis(0) * 20 + Axis(1) * 5 + Axis(2);
  const Index indices[] = {FloorDiv(linear, 6),
                           Mod(linear, 6),
                           FloorDiv(linear + ConstantIndex(-7), 10),
                           Mod(linear + ConstantIndex(-7), 10),
                           Mod(FloorDiv(linear, 5), 4),
                           FloorDiv(Mod(linear, 20), 10) * 3 + Axis(1) * -1,
                           FloorDiv(Mod(linear, 30), 7),
                           Mod(Axis(0) * 10 + Axis(1) * 2, 4)};
  for (const Index& index : indices) {
    const Index simple = SimplifyIndex(index, extents);
    for (int64_t i = 0; i < 60; ++i) {
      const int64_t point[] = {i / 20, i / 5 % 4, i % 5};
      EXPECT_EQ(Evaluate(index, point), Evaluate(simple, point)) << ToString(index);
    }
  }
}

/// "axes of the results", "mixes" appended where rows are mixed.
std::string Flow(std::string_view op, std::vector<TensorType> operands, std::vector<int> axes,
                 Attributes attributes = {}) {
  const OpDef* def = FindOp(op);
  const auto types = InferTypes(*def, operands, attributes);
  EXPECT_TRUE(types.has_value()) << types.error().message;
  const RowFlow flow = FlowOfRows(*def, operands, attributes, axes);
  std::string text;
  for (const int axis : flow.axes) text += (text.empty() ? "" : " ") + std::to_string(axis);
  return flow.mixes ? text + " mixes" : text;
}

const TensorType kRows{DType::kF32, {10, 6}};
const TensorType kWeights{DType::kF32, {6, 4}};

TEST(FlowOfRows, FollowsTheIndexMaps) {
  EXPECT_EQ(Flow("add", {kRows, {DType::kF32, {6}}}, {0, -1}), "0");
  EXPECT_EQ(Flow("matmul", {kRows, kWeights}, {0, -1}), "0");
  EXPECT_EQ(Flow("transpose", {kRows}, {0}, {{"permutation", std::vector<int64_t>{1, 0}}}), "1");
  EXPECT_EQ(Flow("reshape", {kRows}, {0}, {{"shape", std::vector<int64_t>{-1, 2, 3}}}), "0");
  EXPECT_EQ(Flow("sum", {kRows}, {0}, {{"axes", std::vector<int64_t>{1}}}), "0");
  EXPECT_EQ(Flow("softmax", {kRows}, {0}), "0");
}

TEST(FlowOfRows, SeesWhatMixes) {
  EXPECT_EQ(Flow("mean", {kRows}, {0}), "-1 mixes");
  EXPECT_EQ(Flow("sum", {kRows}, {0}, {{"axes", std::vector<int64_t>{0}}}), "-1 mixes");
  EXPECT_EQ(Flow("softmax", {kRows}, {0}, {{"axis", int64_t{0}}}), "0 mixes");
  EXPECT_EQ(Flow("matmul", {kRows, kRows}, {0, 0}, {{"transpose_b", true}}), "-1 mixes");
  EXPECT_EQ(Flow("flip", {kRows}, {0}, {{"axes", std::vector<int64_t>{0}}}), "-1 mixes");
  EXPECT_EQ(Flow("reshape", {kRows}, {0}, {{"shape", std::vector<int64_t>{60}}}), "-1 mixes");
  EXPECT_EQ(Flow("add", {{DType::kF32, {6, 6}}, {DType::kF32, {6, 6}}}, {0, 1}), "-1 mixes");
}

TEST(FlowOfRows, BatchesOfOneHaveTheSameAxes) {
  const TensorType row{DType::kF32, {1, 6}};
  EXPECT_EQ(Flow("add", {row, {DType::kF32, {6}}}, {0, -1}), "0");
  EXPECT_EQ(Flow("matmul", {row, kWeights}, {0, -1}), "0");
  EXPECT_EQ(Flow("sum", {row}, {0}, {{"axes", std::vector<int64_t>{1}}, {"keepdims", true}}), "0");
}

TEST(FlowOfRows, ValuesWithoutRowsHaveNoAxis) { EXPECT_EQ(Flow("mean", {kWeights}, {-1}), "-1"); }

}  // namespace
}  // namespace descent
