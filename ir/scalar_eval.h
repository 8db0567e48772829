// Evaluates one scalar instruction: floats in f64, integers and bools at their own width.
#pragma once

#include <cstdint>
#include <span>

#include "ir/tensor.h"
#include "ir/tensor_expr.h"

namespace descent {

/// One scalar; which member counts follows from the dtype.
union Cell {
  double number;    ///< floats
  int64_t integer;  ///< integers, u64 by its two's complement; bool as 0 or 1
};

inline Cell NumberCell(double value) { return {.number = value}; }
inline Cell IntegerCell(int64_t value) { return {.integer = value}; }

/// An instruction other than kCast; `dtype` is that of the arguments (the second for kSelect).
Cell EvaluateCall(ScalarOp op, DType dtype, std::span<const Cell> arguments);

/// To floats: unchanged (rounding is the caller's); only integers beyond 2^53 are rounded here, so
/// that the caller's rounding to a narrower float gives the nearest one. Floats to integers
/// truncate and saturate, NaN is 0.
Cell EvaluateCast(DType from, DType to, Cell value);

}  // namespace descent
