// What pools of every kind do with the elements of a window.
#pragma once

#include <vector>

#include "ir/expr.h"
#include "ir/op_def.h"
#include "ir/ops/spatial.h"

namespace descent {

/// Of max_pool, avg_pool and lp_pool. The high ends make room for the windows of the ceil mode.
std::vector<SpatialAxis> PoolAxes(const OpContext& op);

/// The arriving gradient `g` (extent 1 along `axis`) at the first maximum along `axis` of
/// `windows`, 0 elsewhere. NaN counts as larger than every number.
Expr AtFirstMaximum(Expr windows, Expr g, int axis);

/// `(sum |x|^p)^(1/p)` over `axes`, which are kept with extent 1.
Expr PowerMean(Expr x, double p, std::vector<int64_t> axes);
/// Gradient of that for x, of its result y and the arriving g: `g * sign(x) * (|x| / y)^(p - 1)`, 0
/// where y is 0.
Expr PowerMeanGradient(Expr x, Expr y, Expr g, double p);

}  // namespace descent
