// The 16-bit floats as C++ types: bf16 and IEEE 754 binary16, converted by value.
//
//   Float16<5> x(0.1);   // rounds to nearest even
//   double y = static_cast<double>(x);
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace descent::runtime {

template <int kExponentBits>
struct Float16 {
  uint16_t bits = 0;

  Float16() = default;
  template <typename T>
    requires std::is_arithmetic_v<T>
  explicit Float16(T number) : bits(BitsOf(static_cast<double>(number))) {}
  template <int kOther>
    requires(kOther != kExponentBits)
  explicit Float16(Float16<kOther> other) : Float16(other.Number()) {}
  template <typename T>
    requires std::is_arithmetic_v<T>
  explicit operator T() const {
    return static_cast<T>(Number());
  }

  double Number() const {
    const int field = (bits & 0x7fff) >> kFractionBits, fraction = bits & (kOne - 1);
    double magnitude = std::ldexp(field == 0 ? fraction : fraction + kOne,
                                  std::max(field, 1) - kBias - kFractionBits);
    if (field == kMaxField)
      magnitude = fraction == 0 ? std::numeric_limits<double>::infinity()
                                : std::numeric_limits<double>::quiet_NaN();
    return std::copysign(magnitude, bits & 0x8000 ? -1.0 : 1.0);
  }

 private:
  static constexpr int kFractionBits = 15 - kExponentBits, kOne = 1 << kFractionBits;
  static constexpr int kBias = (1 << (kExponentBits - 1)) - 1;
  static constexpr int kMaxField = (1 << kExponentBits) - 1;

  static uint16_t BitsOf(double number) {
    const uint16_t sign = std::signbit(number) ? 0x8000 : 0;
    constexpr uint16_t kInfinity = kMaxField << kFractionBits;
    if (std::isnan(number)) return sign | kInfinity | kOne / 2;
    const double magnitude = std::abs(number);
    if (magnitude == 0) return sign;
    if (magnitude >= std::ldexp(1, kBias + 1)) return sign | kInfinity;
    int exponent = 0;
    std::frexp(magnitude, &exponent);
    exponent = std::max(exponent - 1, 1 - kBias);
    // The hidden bit, or a carry, adds one to the exponent field.
    const auto units =
        static_cast<int>(std::nearbyint(std::ldexp(magnitude, kFractionBits - exponent)));
    return sign | static_cast<uint16_t>(((exponent + kBias - 1) << kFractionBits) + units);
  }
};

using BFloat16 = Float16<8>;
using Half = Float16<5>;

}  // namespace descent::runtime
