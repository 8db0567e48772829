// Windows of a tensor as nodes, for operators that are made of them.
#pragma once

#include <vector>

#include "ir/expr.h"
#include "ir/ops/spatial.h"

namespace descent {

/// Windows over the axes [first, first + axes.size()) of x; their own axes stand last. `outside` is
/// the value around x.
Expr Unfold(Expr x, const std::vector<SpatialAxis>& axes, int first, double outside);
/// The adjoint: windows added up.
Expr Fold(Expr windows, const std::vector<SpatialAxis>& axes, int first);

}  // namespace descent
