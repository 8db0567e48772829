#include "ir/ops/shapes.h"

#include <algorithm>
#include <numeric>

namespace descent {

Result<Shape> BroadcastShapes(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (size_t i = 1; i <= result.size(); ++i) {
    const int64_t x = i <= a.size() ? a[a.size() - i] : 1;
    const int64_t y = i <= b.size() ? b[b.size() - i] : 1;
    if (x != y && x != 1 && y != 1)
      return Error("shapes {} and {} do not broadcast: extents {} and {}", ToString(a), ToString(b),
                   x, y);
    result[result.size() - i] = x == 1 ? y : x;
  }
  return result;
}

Result<Shape> BroadcastShapes(std::span<const TensorType> operands) {
  Shape result;
  for (const TensorType& operand : operands) {
    DESCENT_TRY(wider, BroadcastShapes(result, operand.shape));
    result = std::move(wider);
  }
  return result;
}

Result<int> NormalAxis(int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) return Error("axis {} is out of range for rank {}", axis, rank);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Result<std::vector<int>> NormalAxes(std::span<const int64_t> axes, int rank) {
  std::vector<int> result(axes.empty() ? rank : 0);
  std::iota(result.begin(), result.end(), 0);
  for (const int64_t axis : axes) {
    DESCENT_TRY(normal, NormalAxis(axis, rank));
    if (std::ranges::find(result, normal) != result.end())
      return Error("axis {} is given twice", axis);
    result.push_back(normal);
  }
  std::ranges::sort(result);
  return result;
}

int KnownAxis(int64_t axis, int rank) { return NormalAxis(axis, rank).value(); }

std::vector<int> KnownAxes(std::span<const int64_t> axes, int rank) {
  return NormalAxes(axes, rank).value();
}

Read BroadcastRead(int operand, const Shape& shape, int result_rank) {
  const int rank = static_cast<int>(shape.size());
  Read read{.operand = operand};
  for (int i = 0; i < rank; ++i)
    read.coordinates.push_back(shape[i] == 1 ? ConstantIndex(0) : Axis(result_rank - rank + i));
  return read;
}

TensorExpr Moved(const OpContext& op, Shape shape, std::vector<Index> coordinates) {
  TensorExpr expr{.axes = std::move(shape)};
  expr.rank = static_cast<int>(expr.axes.size());
  expr.reads = {{.operand = 0, .coordinates = std::move(coordinates)}};
  expr.results = {ReadScalar(0, op.dtype(0))};
  return expr;
}

void SumProducts(TensorExpr& expr, DType dtype) {
  const Scalar sum = Accumulator(0, dtype);
  const Scalar product = Call(ScalarOp::kMul, {ReadScalar(0, dtype), ReadScalar(1, dtype)});
  expr.reducer = {.init = {ConstantScalar(dtype, 0)},
                  .step = {Call(ScalarOp::kAdd, {sum, product})},
                  .combine = {Call(ScalarOp::kAdd, {sum, Other(0, dtype)})}};
  expr.results = {sum};
}

Result<std::vector<TensorType>> OneResult(DType dtype, Shape shape) {
  if (static_cast<int>(shape.size()) > kMaxRank)
    return Error("the result would have rank {}, above the limit {}", shape.size(), kMaxRank);
  for (const int64_t extent : shape)
    if (extent < 0) return Error("the result would have a negative extent: {}", ToString(shape));
  if (!CheckedElements(shape))
    return Error("the result {} would have more than 2^40 elements", ToString(shape));
  return std::vector<TensorType>{{dtype, std::move(shape)}};
}

int64_t ElementsOf(const Shape& shape, int first, int last) {
  return std::accumulate(shape.begin() + first, shape.begin() + last, int64_t{1},
                         std::multiplies<>());
}

Expr RowMask(GraphBuilder& b, const Shape& shape, int axis, const ValidRows& valid_rows) {
  return {b, valid_rows.Mask(b, shape, axis)};
}

Expr ValidElements(GraphBuilder& b, const Shape& shape, int axis, const ValidRows& valid_rows,
                   DType dtype) {
  Shape row = shape;
  row[axis] /= valid_rows.rows;
  return CastTo({b, valid_rows.count}, dtype) * static_cast<double>(Elements(row));
}

Expr Filled(GraphBuilder& b, const Shape& shape, DType dtype, double value) {
  return ExpandTo({b, b.Constant(Tensor::Scalar(dtype, value))}, shape);
}

}  // namespace descent
