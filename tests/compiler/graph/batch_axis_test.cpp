#include "compiler/graph/batch_axis.h"

#include <gtest/gtest.h>

#include "ir/op_def.h"

namespace descent {
namespace {

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
  EXPECT_EQ(Flow("transpose", {row}, {0}, {{"permutation", std::vector<int64_t>{1, 0}}}), "1");
  EXPECT_EQ(Flow("sum", {row}, {0}, {{"axes", std::vector<int64_t>{1}}, {"keepdims", true}}), "0");
}

TEST(FlowOfRows, ValuesWithoutRowsHaveNoAxis) { EXPECT_EQ(Flow("mean", {kWeights}, {-1}), "-1"); }

}  // namespace
}  // namespace descent
