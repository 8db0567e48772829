#include "ir/scalar_eval.h"

#include <algorithm>
#include <array>
#include <cmath>
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
};

template <double (*kFunction)(double)>
Cell Real(Arguments x) {
  return NumberCell(kFunction(x[0].number));
}

Cell Bool(bool value) { return IntegerCell(value); }
uint64_t Bits(Cell cell) { return static_cast<uint64_t>(cell.integer); }
Cell FromBits(uint64_t bits) { return IntegerCell(static_cast<int64_t>(bits)); }

Cell DivideIntegers(Arguments x) {
  if (x[1].integer == 0) return IntegerCell(0);
  if (x[1].integer == -1) return FromBits(-Bits(x[0]));
  return IntegerCell(x[0].integer / x[1].integer);
}

/// `second` where it wins, or where it is NaN.
Cell Choose(Cell first, Cell second, bool second_wins) {
  return second_wins || std::isnan(second.number) ? second : first;
}

Cell Philox(Arguments x) {
  return IntegerCell(
      RandomWord(RandomKey(x[0].integer, x[1].integer, x[2].integer, x[3].integer), x[4].integer));
}

constexpr std::array<Implementation, 30> kImplementations = {{
    {ScalarOp::kAdd, [](Arguments x) { return NumberCell(x[0].number + x[1].number); },
     [](Arguments x) { return FromBits(Bits(x[0]) + Bits(x[1])); }},
    {ScalarOp::kSub, [](Arguments x) { return NumberCell(x[0].number - x[1].number); },
     [](Arguments x) { return FromBits(Bits(x[0]) - Bits(x[1])); }},
    {ScalarOp::kMul, [](Arguments x) { return NumberCell(x[0].number * x[1].number); },
     [](Arguments x) { return FromBits(Bits(x[0]) * Bits(x[1])); }},
    {ScalarOp::kDiv, [](Arguments x) { return NumberCell(x[0].number / x[1].number); },
     DivideIntegers},
    {ScalarOp::kNeg, [](Arguments x) { return NumberCell(-x[0].number); },
     [](Arguments x) { return FromBits(-Bits(x[0])); }},
    {ScalarOp::kAbs, [](Arguments x) { return NumberCell(std::fabs(x[0].number)); },
     [](Arguments x) { return x[0].integer < 0 ? FromBits(-Bits(x[0])) : x[0]; }},
    {ScalarOp::kMin, [](Arguments x) { return Choose(x[0], x[1], x[1].number < x[0].number); },
     [](Arguments x) { return IntegerCell(std::min(x[0].integer, x[1].integer)); }},
    {ScalarOp::kMax, [](Arguments x) { return Choose(x[0], x[1], x[1].number > x[0].number); },
     [](Arguments x) { return IntegerCell(std::max(x[0].integer, x[1].integer)); }},
    {ScalarOp::kFloor, Real<std::floor>, nullptr},
    {ScalarOp::kSqrt, Real<std::sqrt>, nullptr},
    {ScalarOp::kPow, [](Arguments x) { return NumberCell(std::pow(x[0].number, x[1].number)); },
     nullptr},
    {ScalarOp::kExp, Real<std::exp>, nullptr},
    {ScalarOp::kLog, Real<std::log>, nullptr},
    {ScalarOp::kSin, Real<std::sin>, nullptr},
    {ScalarOp::kCos, Real<std::cos>, nullptr},
    {ScalarOp::kTanh, Real<std::tanh>, nullptr},
    {ScalarOp::kSigmoid,
     [](Arguments x) { return NumberCell(1.0 / (1.0 + std::exp(-x[0].number))); }, nullptr},
    {ScalarOp::kEq, [](Arguments x) { return Bool(x[0].number == x[1].number); },
     [](Arguments x) { return Bool(x[0].integer == x[1].integer); }},
    {ScalarOp::kNe, [](Arguments x) { return Bool(x[0].number != x[1].number); },
     [](Arguments x) { return Bool(x[0].integer != x[1].integer); }},
    {ScalarOp::kLt, [](Arguments x) { return Bool(x[0].number < x[1].number); },
     [](Arguments x) { return Bool(x[0].integer < x[1].integer); }},
    {ScalarOp::kLe, [](Arguments x) { return Bool(x[0].number <= x[1].number); },
     [](Arguments x) { return Bool(x[0].integer <= x[1].integer); }},
    {ScalarOp::kGt, [](Arguments x) { return Bool(x[0].number > x[1].number); },
     [](Arguments x) { return Bool(x[0].integer > x[1].integer); }},
    {ScalarOp::kGe, [](Arguments x) { return Bool(x[0].number >= x[1].number); },
     [](Arguments x) { return Bool(x[0].integer >= x[1].integer); }},
    {ScalarOp::kAnd, nullptr, [](Arguments x) { return Bool(x[0].integer && x[1].integer); }},
    {ScalarOp::kOr, nullptr, [](Arguments x) { return Bool(x[0].integer || x[1].integer); }},
    {ScalarOp::kNot, nullptr, [](Arguments x) { return Bool(!x[0].integer); }},
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

int64_t Saturate(DType dtype, double value) {
  const double lowest = dtype == DType::kU8    ? 0
                        : dtype == DType::kI32 ? std::numeric_limits<int32_t>::min()
                                               : -0x1p63;
  const int64_t highest = dtype == DType::kU8    ? 255
                          : dtype == DType::kI32 ? std::numeric_limits<int32_t>::max()
                                                 : std::numeric_limits<int64_t>::max();
  if (std::isnan(value)) return 0;
  if (value >= static_cast<double>(highest)) return highest;
  return static_cast<int64_t>(std::max(value, lowest));
}

}  // namespace

int64_t WrapInteger(DType dtype, int64_t value) {
  switch (dtype) {
    case DType::kI32:
      return static_cast<int32_t>(value);
    case DType::kU8:
      return static_cast<uint8_t>(value);
    case DType::kBool:
      return value != 0;
    default:
      return value;
  }
}

Cell EvaluateCall(ScalarOp op, DType dtype, std::span<const Cell> arguments) {
  const Implementation& row = kImplementations[static_cast<size_t>(op)];
  const Function function = Info(dtype).is_float ? row.on_floats : row.on_integers;
  DESCENT_CHECK(function != nullptr,
                fmt::format("scalar {} is not defined on {}", Info(op).name, Info(dtype).name));
  return function(arguments);
}

Cell EvaluateCast(DType from, DType to, Cell value) {
  const bool from_float = Info(from).is_float, to_float = Info(to).is_float;
  if (from_float && to_float) return value;
  if (to_float) return NumberCell(static_cast<double>(value.integer));
  if (!from_float) return IntegerCell(WrapInteger(to, value.integer));
  if (to == DType::kBool) return IntegerCell(value.number != 0);
  return IntegerCell(Saturate(to, value.number));
}

}  // namespace descent
