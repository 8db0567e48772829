// Quantized integers as distances from their zero point, which several families take.
#pragma once

#include "frontends/onnx/node.h"

namespace descent::onnx {

/// Operand `i`, invalid where it is left out.
inline Value OptionalIn(OnnxNode& n, int i) { return n.Has(i) ? n.In(i) : Value{}; }

/// `x - zero` in a type that holds the difference; an invalid `zero` is 0.
inline Value FromZero(OnnxNode& n, Value x, Value zero, DType dtype) {
  const Value number = n.Cast(x, dtype);
  return zero.valid() ? n.Minus(number, n.Cast(zero, dtype)) : number;
}

}  // namespace descent::onnx
