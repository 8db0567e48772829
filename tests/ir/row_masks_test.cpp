// Every operator with a rule for padded rows: it gives what the operator gives without them.
#include <gtest/gtest.h>

#include "ir/expr.h"
#include "tests/ir/expect_values.h"
#include "tests/ir/samples/parameters.h"

namespace descent {
namespace {

/// The elements that are not in the last row along `axis`, or all with a NaN for those that are:
/// a product with zero would not remove it.
std::vector<double> OfRows(const Tensor& tensor, int axis, bool spoil) {
  const Shape& shape = tensor.shape();
  const int64_t inner = RowMajorStrides(shape)[axis];
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const bool last = i / inner % shape[axis] == shape[axis] - 1;
    if (!last || spoil) values.push_back(last ? kNaN : tensor.GetDouble(i));
  }
  return values;
}

Tensor WithoutLastRow(const Tensor& tensor, int axis) {
  TensorType type = tensor.type();
  --type.shape[axis];
  return Tensor::FromDoubles(type, OfRows(tensor, axis, false));
}

Tensor WithSpoiltLastRow(const Tensor& tensor, int axis) {
  if (!Info(tensor.dtype()).is_float) return tensor;
  return Tensor::FromDoubles(tensor.type(), OfRows(tensor, axis, true));
}

/// mask_rows on a batch with one padded row gives what the operator gives without that row; false
/// where it has no rule for rows along this axis of operand 0 (of others, along their first).
bool CheckMask(const OpSample& sample, int row_axis) {
  const OpDef& op = *FindOp(sample.op);
  const int64_t rows = sample.operands[0].shape[row_axis];
  OpSample shorter = sample;
  std::vector<Tensor> values = SampleOperands(sample, Precision::kExact), fewer = values;
  std::vector<int> batch_axes;
  for (size_t i = 0; i < values.size(); ++i) {
    const int axis = i == 0 ? row_axis : 0;
    const bool batched = values[i].type().rank() > axis && values[i].shape()[axis] == rows;
    batch_axes.push_back(batched ? axis : -1);
    if (!batched) continue;
    --shorter.operands[i].shape[axis];
    fewer[i] = WithoutLastRow(values[i], axis);
    values[i] = WithSpoiltLastRow(values[i], axis);
  }
  const auto whole = SampleGraph(sample);
  GraphBuilder b;
  std::vector<Value> operands;
  for (const TensorType& type : sample.operands)
    operands.push_back(b.Input(fmt::format("x{}", operands.size()), type));
  const Attributes& attributes = whole->node(whole->outputs()[0].value).attributes;
  const MaskContext mask{b,
                         {sample.operands, attributes},
                         operands,
                         batch_axes,
                         {b.Constant(Tensor::FromInts(I64({}), {{rows - 1}})), rows}};
  const std::vector<Value> results = op.mask_rows(mask);
  if (results.empty()) return false;
  for (const Value result : results) b.Output("", result);
  const auto truth = SampleGraph(shorter);
  EXPECT_TRUE(truth);
  if (!truth) return true;
  const auto masked = Interpret(std::move(b).Build(), values, kSampleValues, Precision::kExact);
  const auto expected = Interpret(*truth, fewer, kSampleValues, Precision::kExact);
  EXPECT_TRUE(masked && expected);
  if (!masked || !expected) return true;
  for (size_t i = 0; i < expected->outputs.size(); ++i) {
    EXPECT_EQ(masked->outputs[i].shape(), whole->type(whole->outputs()[i].value).shape);
    for (int64_t k = 0; k < expected->outputs[i].elements(); ++k)
      ExpectNear(masked->outputs[i].GetDouble(k), expected->outputs[i].GetDouble(k), 1e-6, "mask",
                 k);
  }
  return true;
}

bool KeepsRows(const OpSample& sample) {
  const auto graph = SampleGraph(sample);
  const Shape& shape = graph->type(graph->outputs()[0].value).shape;
  return graph->outputs().size() == 1 && !shape.empty() && shape[0] == sample.operands[0].shape[0];
}

std::vector<Operator> MaskedOperators() {
  std::vector<Operator> operators = AllOperators();
  std::erase_if(operators, [](const Operator& one) { return one.op->mask_rows == nullptr; });
  return operators;
}

class RowMasks : public testing::TestWithParam<Operator> {};
INSTANTIATE_TEST_SUITE_P(All, RowMasks, testing::ValuesIn(MaskedOperators()), OperatorName());

TEST_P(RowMasks, LeaveNoInfluenceToMaskedRows) {
  int checked = 0;
  for (int axis = 0; axis < 2 && checked == 0; ++axis)
    for (const OpSample& sample : SamplesOf(*GetParam().op)) {
      if (sample.bad_index) continue;
      if (sample.operands[0].rank() <= axis || sample.operands[0].shape[axis] < 3) continue;
      if (KeepsRows(sample)) continue;
      SCOPED_TRACE(Describe(sample));
      checked += CheckMask(sample, axis);
    }
  EXPECT_GT(checked, 0);
}

}  // namespace
}  // namespace descent
