// Evaluates one scalar instruction: floats in f64, integers and bools at their own width.
#pragma once

#include <cstdint>
#include <span>

#include "ir/tensor_expr.h"

namespace descent {

/// One scalar; which member counts follows from the dtype.
union Cell {
  double number;    ///< f32, f64
  int64_t integer;  ///< integers; bool as 0 or 1
};

inline Cell NumberCell(double value) { return {.number = value}; }
inline Cell IntegerCell(int64_t value) { return {.integer = value}; }

/// `value` wrapped to the width of an integer type, or made 0 or 1 for bool.
int64_t WrapInteger(DType dtype, int64_t value);

/// An instruction other than kCast; `dtype` is that of the arguments (the second for kSelect).
Cell EvaluateCall(ScalarOp op, DType dtype, std::span<const Cell> arguments);

/// Floats to floats: unchanged (rounding is the caller's). Floats to integers truncate and
/// saturate, NaN is 0.
Cell EvaluateCast(DType from, DType to, Cell value);

}  // namespace descent
