// Windows of a tensor as nodes, for operators that are made of them.
#pragma once

#include <vector>

#include "ir/expr.h"
#include "ir/ops/spatial.h"

namespace descent {

/// Of the operators unfold and fold.
struct Windows {
  int first;  ///< first of the axes that windows slide over
  std::vector<SpatialAxis> axes;

  int count() const { return static_cast<int>(axes.size()); }
};
Windows UnfoldWindows(const OpContext& op);
Windows FoldWindows(const OpContext& op);

/// Windows over the axes [first, first + axes.size()) of x; their own axes stand last. `outside` is
/// the value around x.
Expr Unfold(Expr x, const std::vector<SpatialAxis>& axes, int first, double outside);
/// The adjoint: windows added up.
Expr Fold(Expr windows, const std::vector<SpatialAxis>& axes, int first);

}  // namespace descent
