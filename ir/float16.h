// The 16-bit floats: bf16 (8 bits of exponent, 7 of fraction) and f16 (IEEE 754 binary16: 5 and 10)
// as their bits. Denormals count like other numbers.
//
//   ToBits16(DType::kF16, 0.1) == 0x2e66;  FromBits16(DType::kF16, 0x2e66) == 0.0999755859375
#pragma once

#include <cstdint>

#include "ir/type.h"

namespace descent {

/// The nearest value, ties to even, in one rounding; what is too large becomes infinite. A NaN
/// stays one, quiet and without its payload.
uint16_t ToBits16(DType dtype, double value);
double FromBits16(DType dtype, uint16_t bits);

/// `value` rounded to a float type as a store rounds it; f64 as it is.
double RoundToFloat(DType dtype, double value);
/// The decimal with the fewest digits that rounds to `value`, which is of the float type `dtype`.
double ShortestDecimal(DType dtype, double value);

}  // namespace descent
