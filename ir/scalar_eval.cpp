#include "ir/scalar_eval.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "ir/diagnostic.h"
#include "ir/philox.h"

namespace descent {
namespace {

using Arguments = std::span<const Cell>;
using Function = Cell (*)(Arguments);

/// What an instruction does to floats and to integers (64 bits wide; the caller wraps). Null: not
/// defined.
struct Implementation {
  ScalarOp op;
  Function on_floats;
  Function on_integers;
  Function on_u64 = nullptr;  ///< where it differs; narrower unsigned types fit into an int64_t
};

template <double (*kFunction)(double)>
Cell Real(Arguments x) {
  return NumberCell(kFunction(x[0].number));
}
template <double (*kFunction)(double, double)>
Cell Real2(Arguments x) {
  return NumberCell(kFunction(x[0].number, x[1].number));
}

Cell Bool(bool value) { return IntegerCell(value); }
uint64_t Bits(Cell cell) { return static_cast<uint64_t>(cell.integer); }
Cell FromBits(uint64_t bits) { return IntegerCell(static_cast<int64_t>(bits)); }

Cell DivideIntegers(Arguments x) {
  if (x[1].integer == 0) return IntegerCell(0);
  if (x[1].integer == -1) return FromBits(-Bits(x[0]));
  return IntegerCell(x[0].integer / x[1].integer);
}

/// What the truncating division leaves.
Cell RemainderOfIntegers(Arguments x) {
  if (x[1].integer == 0 || x[1].integer == -1) return IntegerCell(0);
  return IntegerCell(x[0].integer % x[1].integer);
}

/// base^exponent modulo 2^64.
uint64_t WrappedPower(uint64_t base, uint64_t exponent) {
  uint64_t power = 1;
  for (; exponent != 0; exponent >>= 1, base *= base)
    if (exponent & 1) power *= base;
  return power;
}

Cell PowerOfIntegers(Arguments x) {
  const bool odd = Bits(x[1]) & 1;
  if (x[1].integer < 0)
    return IntegerCell(x[0].integer == 1 ? 1 : x[0].integer == -1 ? (odd ? -1 : 1) : 0);
  return FromBits(WrappedPower(Bits(x[0]), Bits(x[1])));
}

/// The caller's wrapping drops what a narrower type shifts out.
Cell ShiftLeft(Arguments x) {
  return x[1].integer >= 0 && x[1].integer < 64 ? FromBits(Bits(x[0]) << x[1].integer)
                                                : IntegerCell(0);
}
Cell ShiftRight(Arguments x) {
  return IntegerCell(x[0].integer >>
                     (x[1].integer >= 0 ? std::min<int64_t>(x[1].integer, 63) : 63));
}

Cell RemainderOfU64(Arguments x) {
  return x[1].integer == 0 ? IntegerCell(0) : FromBits(Bits(x[0]) % Bits(x[1]));
}
Cell PowerOfU64(Arguments x) { return FromBits(WrappedPower(Bits(x[0]), Bits(x[1]))); }
Cell ShiftRightU64(Arguments x) {
  return Bits(x[1]) < 64 ? FromBits(Bits(x[0]) >> Bits(x[1])) : IntegerCell(0);
}

template <typename Compare>
Cell CompareBits(Arguments x) {
  return Bool(Compare{}(Bits(x[0]), Bits(x[1])));
}

/// `second` where it wins, or where it is NaN.
Cell Choose(Cell first, Cell second, bool second_wins) {
  return second_wins || std::isnan(second.number) ? second : first;
}

Cell Philox(Arguments x) {
  return IntegerCell(
      RandomWord(RandomKey(x[0].integer, x[1].integer, x[2].integer, x[3].integer), x[4].integer));
}

constexpr std::array<Implementation, 42> kImplementations = {{
    {ScalarOp::kAdd, [](Arguments x) { return NumberCell(x[0].number + x[1].number); },
     [](Arguments x) { return FromBits(Bits(x[0]) + Bits(x[1])); }},
    {ScalarOp::kSub, [](Arguments x) { return NumberCell(x[0].number - x[1].number); },
     [](Arguments x) { return FromBits(Bits(x[0]) - Bits(x[1])); }},
    {ScalarOp::kMul, [](Arguments x) { return NumberCell(x[0].number * x[1].number); },
     [](Arguments x) { return FromBits(Bits(x[0]) * Bits(x[1])); }},
    {ScalarOp::kDiv, [](Arguments x) { return NumberCell(x[0].number / x[1].number); },
     DivideIntegers,
     [](Arguments x) { return FromBits(Bits(x[1]) == 0 ? 0 : Bits(x[0]) / Bits(x[1])); }},
    {ScalarOp::kNeg, [](Arguments x) { return NumberCell(-x[0].number); },
     [](Arguments x) { return FromBits(-Bits(x[0])); }},
    {ScalarOp::kAbs, [](Arguments x) { return NumberCell(std::fabs(x[0].number)); },
     [](Arguments x) { return x[0].integer < 0 ? FromBits(-Bits(x[0])) : x[0]; },
     [](Arguments x) { return x[0]; }},
    {ScalarOp::kMin, [](Arguments x) { return Choose(x[0], x[1], x[1].number < x[0].number); },
     [](Arguments x) { return IntegerCell(std::min(x[0].integer, x[1].integer)); },
     [](Arguments x) { return FromBits(std::min(Bits(x[0]), Bits(x[1]))); }},
    {ScalarOp::kMax, [](Arguments x) { return Choose(x[0], x[1], x[1].number > x[0].number); },
     [](Arguments x) { return IntegerCell(std::max(x[0].integer, x[1].integer)); },
     [](Arguments x) { return FromBits(std::max(Bits(x[0]), Bits(x[1]))); }},
    {ScalarOp::kFmod, Real2<std::fmod>, RemainderOfIntegers, RemainderOfU64},
    {ScalarOp::kPow, Real2<std::pow>, PowerOfIntegers, PowerOfU64},
    {ScalarOp::kFloor, Real<std::floor>, nullptr},
    {ScalarOp::kRound, Real<std::nearbyint>, nullptr},
    {ScalarOp::kSqrt, Real<std::sqrt>, nullptr},
    {ScalarOp::kExp, Real<std::exp>, nullptr},
    {ScalarOp::kExp2, Real<std::exp2>, nullptr},
    {ScalarOp::kExpm1, Real<std::expm1>, nullptr},
    {ScalarOp::kLog, Real<std::log>, nullptr},
    {ScalarOp::kLog2, Real<std::log2>, nullptr},
    {ScalarOp::kLog1p, Real<std::log1p>, nullptr},
    {ScalarOp::kSin, Real<std::sin>, nullptr},
    {ScalarOp::kCos, Real<std::cos>, nullptr},
    {ScalarOp::kTan, Real<std::tan>, nullptr},
    {ScalarOp::kAtan2, Real2<std::atan2>, nullptr},
    {ScalarOp::kTanh, Real<std::tanh>, nullptr},
    {ScalarOp::kSigmoid,
     [](Arguments x) { return NumberCell(1.0 / (1.0 + std::exp(-x[0].number))); }, nullptr},
    {ScalarOp::kErf, Real<std::erf>, nullptr},
    {ScalarOp::kErfc, Real<std::erfc>, nullptr},
    {ScalarOp::kEq, [](Arguments x) { return Bool(x[0].number == x[1].number); },
     [](Arguments x) { return Bool(x[0].integer == x[1].integer); }},
    {ScalarOp::kNe, [](Arguments x) { return Bool(x[0].number != x[1].number); },
     [](Arguments x) { return Bool(x[0].integer != x[1].integer); }},
    {ScalarOp::kLt, [](Arguments x) { return Bool(x[0].number < x[1].number); },
     [](Arguments x) { return Bool(x[0].integer < x[1].integer); }, CompareBits<std::less<>>},
    {ScalarOp::kLe, [](Arguments x) { return Bool(x[0].number <= x[1].number); },
     [](Arguments x) { return Bool(x[0].integer <= x[1].integer); },
     CompareBits<std::less_equal<>>},
    {ScalarOp::kGt, [](Arguments x) { return Bool(x[0].number > x[1].number); },
     [](Arguments x) { return Bool(x[0].integer > x[1].integer); }, CompareBits<std::greater<>>},
    {ScalarOp::kGe, [](Arguments x) { return Bool(x[0].number >= x[1].number); },
     [](Arguments x) { return Bool(x[0].integer >= x[1].integer); },
     CompareBits<std::greater_equal<>>},
    {ScalarOp::kAnd, nullptr, [](Arguments x) { return IntegerCell(x[0].integer & x[1].integer); }},
    {ScalarOp::kOr, nullptr, [](Arguments x) { return IntegerCell(x[0].integer | x[1].integer); }},
    {ScalarOp::kXor, nullptr, [](Arguments x) { return IntegerCell(x[0].integer ^ x[1].integer); }},
    {ScalarOp::kShl, nullptr, ShiftLeft},
    {ScalarOp::kShr, nullptr, ShiftRight, ShiftRightU64},
    {ScalarOp::kSelect, [](Arguments x) { return x[0].integer ? x[1] : x[2]; },
     [](Arguments x) { return x[0].integer ? x[1] : x[2]; }},
    {ScalarOp::kCast, nullptr, nullptr},  // EvaluateCast
    {ScalarOp::kPhilox, nullptr, Philox},
    {ScalarOp::kAssertFinite, [](Arguments x) { return x[0]; }, nullptr},  // the caller reports
}};

static_assert([] {
  for (size_t i = 0; i < kImplementations.size(); ++i)
    if (static_cast<size_t>(kImplementations[i].op) != i) return false;
  return true;
}());

/// An integer as a double. Beyond 2^53 rounded to odd: the nearest narrower float of the result is
/// that of the integer itself.
double ToOdd(bool is_unsigned, uint64_t bits) {
  const bool negative = !is_unsigned && static_cast<int64_t>(bits) < 0;
  uint64_t magnitude = negative ? -bits : bits;
  const int dropped = std::max(
      static_cast<int>(std::bit_width(magnitude)) - std::numeric_limits<double>::digits, 0);
  const uint64_t rest = magnitude & ((uint64_t{1} << dropped) - 1);
  magnitude = (magnitude >> dropped | (rest != 0 ? 1 : 0)) << dropped;
  return negative ? -static_cast<double>(magnitude) : static_cast<double>(magnitude);
}

double ToFloat(DType from, DType to, int64_t value) {
  const bool is_unsigned = Info(from).is_unsigned;
  if (to != DType::kF64) return ToOdd(is_unsigned, static_cast<uint64_t>(value));
  return is_unsigned ? static_cast<double>(static_cast<uint64_t>(value))
                     : static_cast<double>(value);
}

}  // namespace

Cell EvaluateCall(ScalarOp op, DType dtype, std::span<const Cell> arguments) {
  const Implementation& row = kImplementations[static_cast<size_t>(op)];
  const Function on_integers =
      dtype == DType::kU64 && row.on_u64 != nullptr ? row.on_u64 : row.on_integers;
  const Function function = Info(dtype).is_float ? row.on_floats : on_integers;
  DESCENT_CHECK(function != nullptr,
                fmt::format("scalar {} is not defined on {}", Info(op).name, Info(dtype).name));
  return function(arguments);
}

Cell EvaluateCast(DType from, DType to, Cell value) {
  const bool from_float = Info(from).is_float, to_float = Info(to).is_float;
  if (from_float && to_float) return value;
  if (to_float) return NumberCell(ToFloat(from, to, value.integer));
  if (!from_float) return IntegerCell(WrapInteger(to, value.integer));
  return IntegerCell(SaturateToInteger(to, value.number));
}

}  // namespace descent
