// Numbers with an error bound: what a scalar instruction makes of operands that are known up to an
// error, in any correctly rounded arithmetic of their types.
//
//   Apply(ScalarOp::kMul, DType::kF32, {{3, 1e-7}, {2, 0}})  ->  6 with error 2e-7 + one rounding
//
// Where the error reaches over a discontinuity (a comparison, a floor, the edge of a domain), the
// result is undecided, and so is all that depends on it. A choice between two floats by an
// undecided condition stays decided: its error covers both.
#pragma once

#include <limits>
#include <span>

#include "ir/scalar_eval.h"

namespace descent {

struct Bounded {
  double value = 0;     ///< floats: in exact arithmetic
  double error = 0;     ///< floats: how far a computed value may lie from it
  int64_t integer = 0;  ///< integers and bools
  bool undecided = false;
  /// Floats: no computed value lies below it, in any arithmetic (squares and exponentials are not
  /// negative, what adds a constant to them is not below that).
  double least = -std::numeric_limits<double>::infinity();
  /// Equal numbers, not 0, mark copies of one computed value: they are equal in any arithmetic.
  int64_t identity = 0;
};

/// Largest relative error of one rounded operation, that of the exact reference (f64) included.
double UnitRoundoff(DType dtype);
/// `x` after a rounding to `dtype`.
Bounded Rounded(Bounded x, DType dtype);
/// A decided float or integer without error.
Bounded ExactNumber(DType dtype, double number, int64_t integer);

/// An instruction other than kCast; `dtype` is that of the arguments (the second for kSelect).
Bounded Apply(ScalarOp op, DType dtype, std::span<const Bounded> arguments);
Bounded ApplyCast(DType from, DType to, const Bounded& x);

}  // namespace descent
