#include "ir/float16.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace descent {
namespace {

struct Layout {
  int fraction_bits;
  int bias;  ///< a number 1.f * 2^e has the exponent field e + bias
  uint16_t infinity;
};

Layout LayoutOf(DType dtype) {
  const DTypeInfo& info = Info(dtype);
  const int fraction_bits = info.digits - 1;
  return {fraction_bits, info.max_exponent - 1,
          static_cast<uint16_t>(0x7fff >> fraction_bits << fraction_bits)};
}

}  // namespace

uint16_t ToBits16(DType dtype, double value) {
  const Layout layout = LayoutOf(dtype);
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return sign | layout.infinity | 1 << (layout.fraction_bits - 1);
  int exponent = 0;
  const double magnitude = std::abs(value);
  if (magnitude == 0) return sign;
  if (magnitude >= std::ldexp(1, layout.bias + 1)) return sign | layout.infinity;
  std::frexp(magnitude, &exponent);  // 2^(exponent - 1) <= magnitude < 2^exponent
  const int scale = std::max(exponent - 1, 1 - layout.bias);
  // Units of the last place; the hidden bit, or a carry, adds one to the exponent field.
  const double units = std::nearbyint(std::ldexp(magnitude, layout.fraction_bits - scale));
  return sign | static_cast<uint16_t>(((scale + layout.bias - 1) << layout.fraction_bits) +
                                      static_cast<int>(units));
}

double FromBits16(DType dtype, uint16_t bits) {
  const Layout layout = LayoutOf(dtype);
  const int field = (bits & 0x7fff) >> layout.fraction_bits;
  const int fraction = bits & ((1 << layout.fraction_bits) - 1);
  double magnitude = 0;
  if ((bits & layout.infinity) == layout.infinity)
    magnitude = fraction == 0 ? std::numeric_limits<double>::infinity()
                              : std::numeric_limits<double>::quiet_NaN();
  else if (field == 0)
    magnitude = std::ldexp(fraction, 1 - layout.bias - layout.fraction_bits);
  else
    magnitude = std::ldexp(fraction + (1 << layout.fraction_bits),
                           field - layout.bias - layout.fraction_bits);
  return std::copysign(magnitude, bits & 0x8000 ? -1.0 : 1.0);
}

double RoundToFloat(DType dtype, double value) {
  if (dtype == DType::kF64) return value;
  if (dtype == DType::kF32) return static_cast<float>(value);
  return FromBits16(dtype, ToBits16(dtype, value));
}

double ShortestDecimal(DType dtype, double value) {
  if (!std::isfinite(value)) return value;
  for (int digits = 1; digits < std::numeric_limits<double>::max_digits10; ++digits) {
    const std::string text = fmt::format("{:.{}g}", value, digits);
    const double decimal = std::strtod(text.c_str(), nullptr);
    if (RoundToFloat(dtype, decimal) == value) return decimal;
  }
  return value;
}

}  // namespace descent
