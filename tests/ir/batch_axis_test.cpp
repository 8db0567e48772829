#include "ir/batch_axis.h"

#include <gtest/gtest.h>

#include "ir/op_def.h"

namespace descent {
namespace {

/// "axes of the results", "mixes" appended where rows are mixed. An axis with others merged into it
/// is "axis(blocks x rows x stride)".
std::string Flow(std::string_view op, std::vector<TensorType> operands, std::vector<BatchAxis> axes,
                 Attributes attributes = {}) {
  const OpDef* def = FindOp(op);
  const auto types = InferTypes(*def, operands, attributes);
  EXPECT_TRUE(types.has_value()) << types.error().message;
  const RowFlow flow = FlowOfRows(*def, operands, attributes, axes);
  std::string text;
  for (size_t i = 0; i < flow.axes.size(); ++i) {
    const BatchAxis& axis = flow.axes[i];
    text += fmt::format("{}{}", text.empty() ? "" : " ", axis.axis);
    if (axis.is_plain()) continue;
    text += fmt::format("({}x{}x{})", axis.blocks, axis.Rows((*types)[i].shape), axis.stride);
  }
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

TEST(FlowOfRows, KeepsApartWhatSortsAlongAnotherAxis) {
  EXPECT_EQ(Flow("top_k", {kRows}, {0}, {{"k", int64_t{2}}}), "0 0");
  EXPECT_EQ(Flow("sort", {kRows}, {0}, {{"axis", int64_t{1}}}), "0 0");
  EXPECT_EQ(Flow("argsort", {kRows}, {1}, {{"axis", int64_t{0}}}), "1");
  EXPECT_TRUE(Flow("argsort", {kRows}, {0}, {{"axis", int64_t{0}}}).ends_with("mixes"));
}

TEST(FlowOfRows, ExpandedRowsAreThoseOfTheValueAlike) {
  const std::vector<int64_t> shape = {4, -1, 6};
  const TensorType vector{DType::kF32, {6}};
  EXPECT_EQ(Flow("expand_rows", {vector, kRows}, {-1, 0}, {{"shape", shape}}), "1");
  EXPECT_EQ(Flow("expand_rows", {vector, kRows}, {-1, -1}, {{"shape", shape}}), "-1");
  EXPECT_EQ(Flow("expand_rows", {kRows, kRows}, {0, 0}, {{"shape", shape}}), "1");
  const TensorType row{DType::kF32, {1, 6}};
  EXPECT_EQ(Flow("expand_rows", {vector, row}, {-1, 0}, {{"shape", shape}}), "1");
}

TEST(FlowOfRows, SeesWhatMixes) {
  EXPECT_EQ(Flow("mean", {kRows}, {0}), "-1 mixes");
  EXPECT_EQ(Flow("sum", {kRows}, {0}, {{"axes", std::vector<int64_t>{0}}}), "-1 mixes");
  EXPECT_EQ(Flow("softmax", {kRows}, {0}, {{"axis", int64_t{0}}}), "0 mixes");
  EXPECT_EQ(Flow("matmul", {kRows, kRows}, {0, 0}, {{"transpose_b", true}}), "-1 mixes");
  EXPECT_EQ(Flow("flip", {kRows}, {0}, {{"axes", std::vector<int64_t>{0}}}), "-1 mixes");
  EXPECT_EQ(Flow("add", {{DType::kF32, {6, 6}}, {DType::kF32, {6, 6}}}, {0, 1}), "-1 mixes");
}

TEST(FlowOfRows, FollowsABatchThatIsMergedWithOtherAxes) {
  const auto reshape = [](Shape from, BatchAxis axis, std::vector<int64_t> to) {
    return Flow("reshape", {{DType::kF32, std::move(from)}}, {axis}, {{"shape", to}});
  };
  // Positions of sequences, and back.
  EXPECT_EQ(reshape({10, 6}, 0, {60}), "0(1x10x6)");
  EXPECT_EQ(reshape({60}, {0, 6}, {10, 6}), "0");
  EXPECT_EQ(reshape({60}, {0, 6}, {10, 2, 3}), "0");
  // With the batch behind: [positions, batch, heads * width] to [positions, batch * heads, width].
  EXPECT_EQ(reshape({6, 10, 8}, 1, {6, 20, 4}), "1(1x10x2)");
  EXPECT_EQ(reshape({6, 10, 8}, 1, {60, 8}), "0(6x10x1)");
  EXPECT_EQ(reshape({6, 20, 4}, {1, 2}, {60, 8}), "0(6x10x1)");
  EXPECT_EQ(reshape({60, 8}, {0, 1, 6}, {6, 10, 8}), "1");
  // Split across two axes, no axis holds it.
  EXPECT_EQ(reshape({10, 6}, 0, {2, 5, 6}), "-1 mixes");
  EXPECT_EQ(reshape({10, 6}, 0, {15, 4}), "-1 mixes");
  const TensorType merged{DType::kF32, {20, 4}};
  EXPECT_EQ(Flow("softmax", {merged}, {{0, 2}}), "0(1x10x2)");
  EXPECT_EQ(Flow("softmax", {merged}, {{0, 2}}, {{"axis", int64_t{0}}}), "0(1x10x2) mixes");
  EXPECT_EQ(Flow("add", {merged, merged}, {{0, 2}, {0, 1, 2}}), "-1 mixes");
  EXPECT_EQ(Flow("sum", {merged}, {{0, 2}}), "-1 mixes");
}

TEST(FlowOfRows, BatchesOfOneHaveTheSameAxes) {
  const TensorType row{DType::kF32, {1, 6}};
  EXPECT_EQ(Flow("add", {row, {DType::kF32, {6}}}, {0, -1}), "0");
  EXPECT_EQ(Flow("matmul", {row, kWeights}, {0, -1}), "0");
  EXPECT_EQ(Flow("transpose", {row}, {0}, {{"permutation", std::vector<int64_t>{1, 0}}}), "1");
  EXPECT_EQ(Flow("sum", {row}, {0}, {{"axes", std::vector<int64_t>{1}}, {"keepdims", true}}), "0");
}

TEST(FlowOfRows, RecurrentLayersKeepSequencesApart) {
  const auto f32 = [](Shape shape) { return TensorType{DType::kF32, std::move(shape)}; };
  const std::vector<TensorType> weights = {f32({8, 3}), f32({8, 2}), f32({8}), f32({8})};
  std::vector<TensorType> operands = {f32({5, 10, 3})};
  operands.insert(operands.end(), weights.begin(), weights.end());
  EXPECT_EQ(Flow("lstm", operands, {1, -1, -1, -1, -1}), "1 1 1");
  EXPECT_EQ(Flow("lstm", operands, {0, -1, -1, -1, -1}), "-1 -1 -1 mixes");
  operands[0] = f32({10, 5, 3});
  operands.insert(operands.begin() + 1, {DType::kI32, {10}});
  EXPECT_EQ(
      Flow("lstm", operands, {0, 0, -1, -1, -1, -1}, {{"batch_first", true}, {"lengths", true}}),
      "0 1 1");
}

TEST(FlowOfRows, EitherSideOfABranchHoldsRows) {
  const auto body = [](std::string_view op, const TensorType& type, Attributes attributes) {
    GraphBuilder b;
    const Value x = b.Input("x", type);
    b.Output("y", b.Add(op, {x}, std::move(attributes)));
    return std::make_shared<const Graph>(std::move(b).Build());
  };
  const TensorType square{DType::kF32, {6, 6}};
  const auto flow = [&](std::string_view op, Attributes attributes) {
    return Flow("if", {{DType::kBool, {}}, square}, {-1, 0},
                {{"then_body", body("tanh", square, {})},
                 {"else_body", body(op, square, std::move(attributes))}});
  };
  EXPECT_EQ(flow("exp", {}), "0");
  EXPECT_EQ(flow("transpose", {{"permutation", std::vector<int64_t>{1, 0}}}), "1 mixes");
  EXPECT_EQ(flow("softmax", {{"axis", int64_t{0}}}), "0 mixes");
}

TEST(FlowOfRows, ValuesWithoutRowsHaveNoAxis) { EXPECT_EQ(Flow("mean", {kWeights}, {-1}), "-1"); }

}  // namespace
}  // namespace descent
