// Element types: what their numbers are, conversions against definitions that share no code.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "ir/float16.h"
#include "ir/scalar_eval.h"

namespace descent {
namespace {

constexpr DType k16Bits[] = {DType::kBF16, DType::kF16};
constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();

/// The magnitude of bits without a sign; infinity continues the numbers.
long double Magnitude(DType dtype, int bits) {
  const double value = FromBits16(dtype, static_cast<uint16_t>(bits));
  return std::isinf(value) ? std::ldexp(1.0L, Info(dtype).max_exponent) : value;
}

/// The nearest of all numbers of the type, by search.
uint16_t NearestBits(DType dtype, long double value) {
  int low = 0, high = 0x7fff >> (Info(dtype).digits - 1) << (Info(dtype).digits - 1);
  const int infinity = high;
  const long double magnitude = std::abs(value);
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (Magnitude(dtype, middle) <= magnitude ? low : high) = middle;
  }
  const long double below = magnitude - Magnitude(dtype, low);
  const long double above = Magnitude(dtype, high) - magnitude;
  int nearest = below < above ? low : above < below ? high : low % 2 == 0 ? low : high;
  if (magnitude >= Magnitude(dtype, infinity)) nearest = infinity;
  return static_cast<uint16_t>(nearest | (std::signbit(value) ? 0x8000 : 0));
}

TEST(Float16, EveryF16IsTheCompilersFloat16) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    const auto narrow = static_cast<uint16_t>(bits);
    const auto expected = static_cast<double>(std::bit_cast<_Float16>(narrow));
    const double value = FromBits16(DType::kF16, narrow);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      EXPECT_TRUE(std::isnan(FromBits16(DType::kF16, ToBits16(DType::kF16, value))));
    } else {
      EXPECT_EQ(value, expected) << bits;
      EXPECT_EQ(ToBits16(DType::kF16, value), narrow);
    }
  }
}

TEST(Float16, EveryBf16IsTheUpperHalfOfAFloat) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto expected = std::bit_cast<float>(bits << 16);
    const auto narrow = static_cast<uint16_t>(bits);
    const double value = FromBits16(DType::kBF16, narrow);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      EXPECT_TRUE(std::isnan(FromBits16(DType::kBF16, ToBits16(DType::kBF16, value))));
    } else {
      EXPECT_EQ(value, expected) << bits;
      EXPECT_EQ(ToBits16(DType::kBF16, value), narrow);
    }
  }
}

TEST(Float16, RoundsOnceToTheNearest) {
  std::mt19937_64 random(1);
  for (const DType dtype : k16Bits)
    for (int i = 0; i < 20000; ++i) {
      // A number of the type, the middle to the next, and what is just beside: all double.
      const auto bits = static_cast<uint16_t>(random() % 0x7c00);
      const double value = FromBits16(dtype, bits), next = FromBits16(dtype, bits + 1);
      if (!std::isfinite(value)) continue;
      const double middle =
          std::isinf(next) ? value + (value - FromBits16(dtype, bits - 1)) / 2 : (value + next) / 2;
      const double candidates[] = {
          value, middle, std::nextafter(middle, 0), std::nextafter(middle, INFINITY),
          std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 300) - 200)};
      for (const double candidate : candidates)
        for (const double x : {candidate, -candidate})
          ASSERT_EQ(ToBits16(dtype, x), NearestBits(dtype, x)) << x;
    }
}

TEST(Float16, ShortestDecimalsReadBack) {
  EXPECT_EQ(ShortestDecimal(DType::kBF16, FromBits16(DType::kBF16, 0x3dcd)), 0.1);
  EXPECT_EQ(ShortestDecimal(DType::kF16, 65504), 65500);
  for (const DType dtype : k16Bits)
    for (int bits = 0; bits < 0x10000; ++bits) {
      const double value = FromBits16(dtype, static_cast<uint16_t>(bits));
      if (!std::isfinite(value)) continue;
      ASSERT_EQ(ToBits16(dtype, ShortestDecimal(dtype, value)), bits);
    }
}

TEST(DType, IntegersBecomeTheNearestFloat) {
  std::mt19937_64 random(2);
  std::vector<uint64_t> values = {0, 1, (1u << 24) + 1, uint64_t{1} << 63};
  for (int shift = 0; shift < 64; ++shift)
    for (int i = 0; i < 200; ++i) {
      // Ties of f32 and of the 16-bit floats, and their neighbours.
      const uint64_t head = ((random() % 1024) | 512) << shift;
      for (const int64_t beside : {-1, 0, 1})
        values.push_back(head + (uint64_t{1} << (random() % 64)) + static_cast<uint64_t>(beside));
    }
  for (const uint64_t value : values)
    for (const DType from : {DType::kI64, DType::kU64}) {
      const bool is_unsigned = from == DType::kU64;
      const auto exact = is_unsigned ? static_cast<long double>(value)
                                     : static_cast<long double>(static_cast<int64_t>(value));
      const auto cast = [&](DType to) {
        const Cell cell = IntegerCell(static_cast<int64_t>(value));
        return RoundToFloat(to, EvaluateCast(from, to, cell).number);
      };
      ASSERT_EQ(cast(DType::kF32), static_cast<float>(exact)) << value;
      ASSERT_EQ(cast(DType::kF64), static_cast<double>(exact)) << value;
      for (const DType to : k16Bits)
        ASSERT_EQ(cast(to), FromBits16(to, NearestBits(to, exact))) << value;
    }
}

TEST(DType, FloatsSaturateToIntegers) {
  EXPECT_EQ(SaturateToInteger(DType::kI8, 127.9), 127);
  EXPECT_EQ(SaturateToInteger(DType::kI8, 1e9), 127);
  EXPECT_EQ(SaturateToInteger(DType::kI8, -128.9), -128);
  EXPECT_EQ(SaturateToInteger(DType::kU16, -1), 0);
  EXPECT_EQ(SaturateToInteger(DType::kU16, 65536), 65535);
  EXPECT_EQ(SaturateToInteger(DType::kU32, 4294967295.5), 4294967295);
  EXPECT_EQ(SaturateToInteger(DType::kU64, 0x1p63), kMin64);
  EXPECT_EQ(SaturateToInteger(DType::kU64, INFINITY), -1);
  EXPECT_EQ(SaturateToInteger(DType::kI64, 0x1p63), kMax64);
  EXPECT_EQ(SaturateToInteger(DType::kI64, -INFINITY), kMin64);
  for (const DTypeInfo& info : AllDTypes())
    if (info.is_integer) EXPECT_EQ(SaturateToInteger(info.dtype, NAN), 0) << info.name;
}

TEST(DType, IntegersWrap) {
  EXPECT_EQ(WrapInteger(DType::kI8, 128), -128);
  EXPECT_EQ(WrapInteger(DType::kU8, -1), 255);
  EXPECT_EQ(WrapInteger(DType::kI16, 32768), -32768);
  EXPECT_EQ(WrapInteger(DType::kU32, -1), 4294967295);
  EXPECT_EQ(WrapInteger(DType::kU64, -1), -1);
  EXPECT_EQ(PrintInteger(DType::kU64, -1), "18446744073709551615");
  EXPECT_EQ(PrintInteger(DType::kI64, -1), "-1");
}

TEST(DType, U64IsUnsigned) {
  const auto call = [](ScalarOp op, uint64_t a, uint64_t b) {
    const Cell cells[] = {IntegerCell(static_cast<int64_t>(a)),
                          IntegerCell(static_cast<int64_t>(b))};
    return static_cast<uint64_t>(EvaluateCall(op, DType::kU64, cells).integer);
  };
  constexpr uint64_t kLarge = ~uint64_t{4};
  EXPECT_EQ(call(ScalarOp::kDiv, kLarge, 2), kLarge / 2);
  EXPECT_EQ(call(ScalarOp::kDiv, kLarge, ~uint64_t{0}), 0);
  EXPECT_EQ(call(ScalarOp::kDiv, kLarge, 0), 0);
  EXPECT_EQ(call(ScalarOp::kMin, kLarge, 7), 7);
  EXPECT_EQ(call(ScalarOp::kMax, kLarge, 7), kLarge);
  EXPECT_EQ(call(ScalarOp::kLt, kLarge, 7), 0);
  EXPECT_EQ(call(ScalarOp::kGe, kLarge, 7), 1);
  EXPECT_EQ(call(ScalarOp::kAbs, kLarge, 0), kLarge);
}

TEST(DType, HoldsAllIsWhatTheNumbersSay) {
  const auto holds = [](DType to, DType from) { return HoldsAll(to, from); };
  EXPECT_TRUE(holds(DType::kF32, DType::kBF16) && holds(DType::kF32, DType::kF16));
  EXPECT_FALSE(holds(DType::kBF16, DType::kF16) || holds(DType::kF16, DType::kBF16));
  EXPECT_TRUE(holds(DType::kBF16, DType::kU8) && holds(DType::kBF16, DType::kI8));
  EXPECT_FALSE(holds(DType::kBF16, DType::kI16) || holds(DType::kF32, DType::kI32));
  EXPECT_TRUE(holds(DType::kF64, DType::kU32));
  EXPECT_FALSE(holds(DType::kI8, DType::kU8) || holds(DType::kU16, DType::kI8));
  EXPECT_TRUE(holds(DType::kI16, DType::kU8) && holds(DType::kU64, DType::kBool));
  EXPECT_FALSE(holds(DType::kBool, DType::kU8));
}

}  // namespace
}  // namespace descent
