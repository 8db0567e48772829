// Rules about shapes and the reads that follow from them, shared by the operator families.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/expr.h"
#include "ir/index_map.h"
#include "ir/op_def.h"

namespace descent {

/// The shape that all operands broadcast to as NumPy does: aligned at the last axis, extents equal
/// or 1.
Result<Shape> BroadcastShapes(std::span<const TensorType> operands);
Result<Shape> BroadcastShapes(const Shape& a, const Shape& b);

/// Axis in [0, rank) of an axis that may count from the end.
Result<int> NormalAxis(int64_t axis, int rank);
/// Sorted and distinct; all axes when `axes` is empty.
Result<std::vector<int>> NormalAxes(std::span<const int64_t> axes, int rank);
/// For attributes that infer has accepted.
int KnownAxis(int64_t axis, int rank);
std::vector<int> KnownAxes(std::span<const int64_t> axes, int rank);

/// The operand at the point of the result's axes that broadcasts from it; axes of extent 1 read at
/// 0.
Read BroadcastRead(int operand, const Shape& shape, int result_rank);

/// Moves elements only: one unguarded read of operand 0, whose value is the result.
TensorExpr Moved(const OpContext& op, Shape shape, std::vector<Index> coordinates);

/// Reducer and result of a sum of products of reads 0 and 1, which makes it a contraction.
void SumProducts(TensorExpr& expr, DType dtype);

/// Result type checked against the limits of every tensor.
Result<std::vector<TensorType>> OneResult(DType dtype, Shape shape);

/// The product of extents [first, last).
int64_t ElementsOf(const Shape& shape, int first, int last);

/// bool, true for rows below `valid_rows` along `axis`; extents 1 elsewhere.
Expr RowMask(GraphBuilder& b, const Shape& shape, int axis, const ValidRows& valid_rows);
/// The number of elements of `shape` in valid rows, a scalar of `dtype`.
Expr ValidElements(GraphBuilder& b, const Shape& shape, int axis, const ValidRows& valid_rows,
                   DType dtype);
/// `value`, a scalar, broadcast to `shape`.
Expr Filled(GraphBuilder& b, const Shape& shape, DType dtype, double value);

/// Conveniences of vjps.
inline Expr Gradient(const VjpContext& v) { return {v.b, v.gradients[0]}; }
inline Expr Operand(const VjpContext& v, int operand) { return {v.b, v.operands[operand]}; }
inline Expr ResultOf(const VjpContext& v, int result = 0) { return {v.b, v.results[result]}; }

}  // namespace descent
