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
  for (size_t i = 0; i < flow.axes.size(); ++i) {
    text += (text.empty() ? "" : " ") + std::to_string(flow.axes[i]);
    const RowLayout& layout = flow.layouts[i];
    if (layout.block != 1) text += fmt::format("/{}", layout.block);
    if (layout.period != 0) text += fmt::format("%{}", layout.period);
  }
  return flow.mixes ? text + " mixes" : text;
}

/// Where the last of reshapes and transpositions of f32[shape] has the rows of axis `axis`.
std::string FlowOfChain(Shape shape, int axis,
                        const std::vector<std::pair<std::string, Shape>>& chain) {
  GraphBuilder b;
  Value value = b.Input("x", {DType::kF32, std::move(shape)});
  for (const auto& [op, argument] : chain)
    value = b.Add(op, {value}, {{op == "reshape" ? "shape" : "permutation", argument}});
  b.Output("y", value);
  const Graph graph = std::move(b).Build();
  const RowFlow flow = FlowOfRows(graph, std::vector<int>{axis})[graph.outputs()[0].value.node];
  return fmt::format("{}/{}%{}{}", flow.axes[0], flow.layouts[0].block, flow.layouts[0].period,
                     flow.mixes ? " mixes" : "");
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
  EXPECT_EQ(Flow("add", {{DType::kF32, {6, 6}}, {DType::kF32, {6, 6}}}, {0, 1}), "-1 mixes");
}

TEST(FlowOfRows, FindsRowsThatShareAnAxis) {
  EXPECT_EQ(Flow("reshape", {kRows}, {0}, {{"shape", std::vector<int64_t>{60}}}), "0/6");
  EXPECT_EQ(Flow("reshape", {kRows}, {1}, {{"shape", std::vector<int64_t>{60}}}), "0%6");
  // Heads beside rows and back, as attention has them.
  const std::pair<std::string, Shape> heads = {"reshape", {-1, 5, 3}};
  EXPECT_EQ(FlowOfChain({10, 4, 5, 3}, 0, {heads}), "0/4%0");
  EXPECT_EQ(
      FlowOfChain({10, 4, 5, 3}, 0, {heads, {"transpose", {0, 2, 1}}, {"reshape", {10, 4, 3, 5}}}),
      "0/1%0");
  EXPECT_EQ(FlowOfChain({10, 1, 5, 3}, 0, {heads, {"reshape", {10, 1, 5, 3}}}), "0/1%0");
  // [steps, batch, width] for one matrix product, and with heads.
  EXPECT_EQ(FlowOfChain({5, 10, 8}, 1, {{"reshape", {50, 8}}}), "0/1%10");
  EXPECT_EQ(FlowOfChain({5, 10, 8}, 1, {{"reshape", {50, 8}}, {"reshape", {5, 10, 8}}}), "1/1%0");
  EXPECT_EQ(FlowOfChain({5, 10, 8}, 1, {{"reshape", {5, 40, 2}}}), "1/4%0");
  EXPECT_EQ(FlowOfChain({5, 10, 8}, 1, {{"reshape", {100, 4}}}), "0/2%10");
  // What is cut across rows is no layout.
  EXPECT_EQ(FlowOfChain({10, 6}, 0, {{"reshape", {60}}, {"reshape", {15, 4}}}), "-1/1%0 mixes");
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
