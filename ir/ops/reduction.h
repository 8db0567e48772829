// What all reductions over axes share: attributes `axes` and `keepdims`, and what follows from
// them.
#pragma once

#include <vector>

#include "ir/expr.h"
#include "ir/op_def.h"

namespace descent {

/// axes, keepdims.
std::vector<AttributeSpec> ReduceAttributes();
/// One operand x; `more` stand before axes and keepdims.
Signature ReduceSignature(DTypeClass dtypes, std::vector<AttributeSpec> more = {});

/// `shape` with the extents of `axes` dropped or set to 1.
Shape ReducedShape(const Shape& shape, const std::vector<int>& axes, bool keepdims);
/// x without the reduced axes, of its dtype.
Result<std::vector<TensorType>> InferReduce(const OpContext& op);

/// Below (sign < 0) or above every value of the dtype.
Scalar Extreme(DType dtype, int sign);

/// Elements of x that make one of the result.
int64_t ReducedCount(const OpContext& op);
/// The same without padded rows, a scalar of x's dtype.
Expr ValidCount(const MaskContext& m);

/// `value`, of the result's shape, with the reduced axes back as extents of 1.
Expr KeepDims(const VjpContext& v, Expr value);

}  // namespace descent
