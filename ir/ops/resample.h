// What resampling and adaptive pools share: windows at a fractional stride, weights of neighbours.
#pragma once

#include "ir/expr.h"

namespace descent {

/// Window i begins at floor((i * step + offset) / divisor).
struct FractionalStep {
  int64_t step = 1, offset = 0, divisor = 1;
};

/// Largest extent of an axis that is resampled, and largest step and divisor: keeps products within
/// 64 bits.
inline constexpr int64_t kMaxResampled = int64_t{1} << 30;
inline constexpr int64_t kMaxFraction = int64_t{1} << 31;

/// `size` windows of `kernel` elements along `axis` of x, 0 outside of it; window elements stand
/// along a new last axis.
Expr FractionalUnfold(Expr x, int axis, int64_t size, int64_t kernel, const FractionalStep& step);
/// The adjoint: windows added up along an axis of extent `size`.
Expr FractionalFold(Expr windows, int axis, int64_t size, const FractionalStep& step);

/// Weights of the elements at distances t + 1, t, 1 - t, 2 - t: Keys' kernel with coefficient a.
std::vector<Expr> CubicWeights(Expr t, double a);

}  // namespace descent
