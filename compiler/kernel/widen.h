// Arithmetic of 16-bit floats, made explicit: bodies compute in f32, and a result is rounded by a
// cast to its type that survives all inlining and fusion.
//
//   bf16: acc0 + r0 * r1  ->  acc0 + f32(r0) * f32(r1), with acc0 f32;  result: bf16(acc0)
//
// Afterwards a scalar of a 16-bit type is always one of that type's numbers.
#pragma once

#include "compiler/kernel/computation.h"

namespace descent {

void WidenFloat16(Computation& computation);

/// What conversions between floats take, or the scalar itself where it is none.
const ScalarNode& ThroughFloatCasts(const ScalarNode& scalar);

}  // namespace descent
