// Places in a tensor, from indices that come from data, as one number each: gathers and scatters of
// every kind become those of rows. An index is checked before it is made part of a number: one out
// of range gives -1, which gather reads as 0 and scatter_rows drops, and both report it.
#pragma once

#include "ir/expr.h"
#include "ir/op_def.h"

namespace descent {

/// Operand 1 (indices) has the rank of operand 0 and beside attribute `axis` at most its extents.
Result<void> CheckAlong(const OpContext& op);
/// Extent of operand 0 along attribute `axis`.
int64_t ExtentAlong(const OpContext& op);
/// Row-major place in operand 0 of every element of `indices`, which replaces one coordinate.
Expr PlacesAlong(const OpContext& op, Expr indices);

/// Length of the tuples that the last axis of operand 1 holds: coordinates of operand 0 behind the
/// first `batch` axes.
Result<int> TupleLength(const OpContext& op, int batch);
/// Number of the slice that each tuple of `indices` names among the first axes of operand 0. The
/// first `batch` coordinates are those of the tuple itself.
Expr PlacesOfTuples(const OpContext& op, Expr indices, int batch);

}  // namespace descent
