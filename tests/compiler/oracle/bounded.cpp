#include "tests/compiler/oracle/bounded.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/diagnostic.h"

namespace descent {
namespace {

using Arguments = std::span<const Bounded>;

Bounded Undecided() { return {.undecided = true}; }

/// A float result; undecided when a value or error is not finite.
Bounded Number(double value, double error) {
  if (!std::isfinite(value) || !std::isfinite(error)) return Undecided();
  return {.value = value, .error = error};
}

double Low(const Bounded& x) { return std::max(x.value - x.error, x.least); }
double High(const Bounded& x) { return x.value + x.error; }
double Magnitude(const Bounded& x) { return std::abs(x.value) + x.error; }

// ---- floats ------------------------------------------------------------------------------------

/// Result before its own rounding.
using FloatRule = Bounded (*)(Arguments);

/// An infinity that is exact (a mask's) stays what it is beside any finite number.
bool IsExactInfinity(const Bounded& x) { return std::isinf(x.value) && x.error == 0; }

Bounded Sum(Arguments x) {
  for (int i = 0; i < 2; ++i)
    if (IsExactInfinity(x[i]) && std::isfinite(x[1 - i].value)) return x[i];
  return Number(x[0].value + x[1].value, x[0].error + x[1].error);
}

Bounded Difference(Arguments x) {
  const Bounded terms[] = {x[0], {.value = -x[1].value, .error = x[1].error}};
  return Sum(terms);
}

Bounded Product(Arguments x) {
  return Number(x[0].value * x[1].value,
                std::abs(x[0].value) * x[1].error + Magnitude(x[1]) * x[0].error);
}

Bounded Quotient(Arguments x) {
  const double smallest = std::max(std::abs(x[1].value) - x[1].error, x[1].least);
  if (!(smallest > 0)) return Undecided();
  const double quotient = x[0].value / x[1].value;
  return Number(quotient, (x[0].error + std::abs(quotient) * x[1].error) / smallest);
}

/// Of a function that rises over the whole interval or falls over it.
template <double (*kFunction)(double)>
Bounded Monotone(Arguments x) {
  const double value = kFunction(x[0].value);
  const double low = kFunction(Low(x[0])), high = kFunction(High(x[0]));
  if (std::isnan(low) || std::isnan(high)) return Undecided();
  return Number(value, std::max(std::abs(high - value), std::abs(value - low)));
}

/// |sin' | and |cos'| are at most 1.
template <double (*kFunction)(double)>
Bounded Wave(Arguments x) {
  return Number(kFunction(x[0].value), std::min(x[0].error, 2.0));
}

Bounded Power(Arguments x) {
  const double value = std::pow(x[0].value, x[1].value);
  double error = 0;
  for (const double base : {Low(x[0]), High(x[0])})
    for (const double exponent : {Low(x[1]), High(x[1])})
      error = std::max(error, std::abs(std::pow(base, exponent) - value));
  // Between the corners it is monotone only for positive bases.
  if (Low(x[0]) <= 0 && x[0].error + x[1].error > 0) return Undecided();
  return Number(value, error);
}

/// Of a function with jumps between whole numbers.
template <double (*kFunction)(double)>
Bounded Step(Arguments x) {
  const double value = kFunction(x[0].value);
  if (kFunction(Low(x[0])) != value || kFunction(High(x[0])) != value) return Undecided();
  return Number(value, 0);
}

/// An interval shorter than a period contains a pole where the function seems to fall.
Bounded Tangent(Arguments x) {
  if (x[0].error > 1 || std::tan(Low(x[0])) > std::tan(High(x[0]))) return Undecided();
  return Monotone<std::tan>(x);
}

/// Over a rectangle away from the cut the angle is extreme at the corners.
Bounded Angle(Arguments x) {
  const double value = std::atan2(x[0].value, x[1].value);
  const bool exact = x[0].error == 0 && x[1].error == 0;
  if (!exact && Low(x[1]) <= 0 && Low(x[0]) <= 0 && High(x[0]) >= 0) return Undecided();
  double error = 0;
  for (const double side : {Low(x[0]), High(x[0])})
    for (const double base : {Low(x[1]), High(x[1])})
      error = std::max(error, std::abs(std::atan2(side, base) - value));
  return Number(value, error);
}

/// a - q b, where all values within the errors have one truncated quotient q.
Bounded Remainder(Arguments x) {
  const double value = std::fmod(x[0].value, x[1].value);
  if (x[0].error == 0 && x[1].error == 0) return Number(value, 0);
  if (Low(x[1]) <= 0 && High(x[1]) >= 0) return Undecided();
  const double quotient = std::trunc(x[0].value / x[1].value);
  for (const double dividend : {Low(x[0]), High(x[0])})
    for (const double divisor : {Low(x[1]), High(x[1])})
      for (const double rounding : {1 - 0x1p-50, 1 + 0x1p-50})
        if (std::trunc(dividend / divisor * rounding) != quotient) return Undecided();
  return Number(value, x[0].error + std::abs(quotient) * x[1].error);
}

/// The larger (sign 1) or smaller one: a copy of it where there is no doubt.
template <int sign>
Bounded Extreme(Arguments x) {
  if (IsExactInfinity(x[0]) && x[0].value == x[1].value && x[1].error == 0) return x[0];
  const double lead = sign * (x[0].value - x[1].value);
  const bool same = x[0].identity != 0 && x[0].identity == x[1].identity;
  if (same || lead > x[0].error + x[1].error) return x[0];
  if (-lead > x[0].error + x[1].error) return x[1];
  return Number(lead >= 0 ? x[0].value : x[1].value, std::max(x[0].error, x[1].error));
}

struct FloatRow {
  ScalarOp op;
  FloatRule rule;
  /// Largest error of the instruction itself, in units of the last place; 0: exact, 0.5: correctly
  /// rounded, else what compiler/codegen/vector_math.h states.
  double ulps;
};

constexpr FloatRow kFloatRules[] = {
    {ScalarOp::kAdd, Sum, 0.5},
    {ScalarOp::kSub, Difference, 0.5},
    {ScalarOp::kMul, Product, 0.5},
    {ScalarOp::kDiv, Quotient, 0.5},
    {ScalarOp::kNeg, [](Arguments x) { return Number(-x[0].value, x[0].error); }, 0},
    {ScalarOp::kAbs, [](Arguments x) { return Number(std::abs(x[0].value), x[0].error); }, 0},
    {ScalarOp::kMin, Extreme<-1>, 0},
    {ScalarOp::kMax, Extreme<1>, 0},
    {ScalarOp::kFmod, Remainder, 0},
    {ScalarOp::kPow, Power, 4},
    {ScalarOp::kFloor, Step<std::floor>, 0},
    {ScalarOp::kRound, Step<std::nearbyint>, 0},
    {ScalarOp::kSqrt, Monotone<std::sqrt>, 0.5},
    {ScalarOp::kExp, Monotone<std::exp>, 2},
    {ScalarOp::kExp2, Monotone<std::exp2>, 4},
    {ScalarOp::kExpm1, Monotone<std::expm1>, 4},
    {ScalarOp::kLog, Monotone<std::log>, 2},
    {ScalarOp::kLog2, Monotone<std::log2>, 4},
    {ScalarOp::kLog1p, Monotone<std::log1p>, 4},
    {ScalarOp::kSin, Wave<std::sin>, 4},
    {ScalarOp::kCos, Wave<std::cos>, 4},
    {ScalarOp::kTan, Tangent, 4},
    {ScalarOp::kAtan2, Angle, 4},
    {ScalarOp::kTanh, Monotone<std::tanh>, 2},
    {ScalarOp::kSigmoid, Monotone<[](double v) { return 1 / (1 + std::exp(-v)); }>, 2},
    {ScalarOp::kErf, Monotone<std::erf>, 4},
    {ScalarOp::kErfc, Monotone<std::erfc>, 4},
    {ScalarOp::kAssertFinite, [](Arguments x) { return x[0]; }, 0},
};

const FloatRow* FindRow(ScalarOp op) {
  const auto* row = std::ranges::find(kFloatRules, op, &FloatRow::op);
  return row == std::end(kFloatRules) ? nullptr : row;
}

// ---- least values ------------------------------------------------------------------------------

constexpr double kNone = -std::numeric_limits<double>::infinity();

double NotNegative(Arguments) { return 0; }

struct LeastRow {
  ScalarOp op;
  double (*least)(Arguments);  ///< before rounding
};

/// Instructions whose results have a least value where their arguments have one.
constexpr LeastRow kLeastRules[] = {
    {ScalarOp::kAdd, [](Arguments x) { return x[0].least + x[1].least; }},
    {ScalarOp::kMul,
     [](Arguments x) {
       if (x[0].identity != 0 && x[0].identity == x[1].identity) return 0.0;
       return x[0].least >= 0 && x[1].least >= 0 ? x[0].least * x[1].least : kNone;
     }},
    {ScalarOp::kDiv, [](Arguments x) { return x[0].least >= 0 && x[1].least >= 0 ? 0 : kNone; }},
    {ScalarOp::kAbs, NotNegative},
    {ScalarOp::kMin, [](Arguments x) { return std::min(x[0].least, x[1].least); }},
    {ScalarOp::kMax, [](Arguments x) { return std::max(x[0].least, x[1].least); }},
    {ScalarOp::kFloor, [](Arguments x) { return std::floor(x[0].least); }},
    {ScalarOp::kSqrt, [](Arguments x) { return std::sqrt(std::max(x[0].least, 0.0)); }},
    {ScalarOp::kPow, [](Arguments x) { return x[0].least >= 0 ? 0 : kNone; }},
    {ScalarOp::kExp, NotNegative},
    {ScalarOp::kSigmoid, NotNegative},
};

double LeastOf(ScalarOp op, Arguments arguments) {
  const auto* row = std::ranges::find(kLeastRules, op, &LeastRow::op);
  return row == std::end(kLeastRules) ? kNone : row->least(arguments);
}

/// A least value after a rounding, which is monotone: one unit below, 0 stays 0.
double LeastAfter(double least, DType dtype) {
  return least == 0 ? 0 : least - 4 * UnitRoundoff(dtype) * std::abs(least);
}

/// Room for `ulps` units in the last place at every value within the error, denormals included.
Bounded WithUlps(Bounded x, DType dtype, double ulps) {
  if (IsExactInfinity(x)) return x;
  x.error += ulps * (2 * UnitRoundoff(dtype) * Magnitude(x) + SmallestDenormal(dtype));
  x.least = LeastAfter(x.least, dtype);
  return Magnitude(x) < LargestFinite(dtype) ? x : Undecided();
}

// ---- comparisons, bools, choices ---------------------------------------------------------------

bool Overlap(const Bounded& a, const Bounded& b) {
  if (a.identity != 0 && a.identity == b.identity) return false;
  const double errors = a.error + b.error;
  return errors > 0 && std::abs(a.value - b.value) <= errors;
}

Bounded Select(DType dtype, Arguments x) {
  if (!x[0].undecided) return x[x[0].integer != 0 ? 1 : 2];
  if (!Info(dtype).is_float || x[1].undecided || x[2].undecided) return Undecided();
  if (x[1].identity != 0 && x[1].identity == x[2].identity) return x[1];
  return {.value = x[1].value,
          .error = std::max(x[1].error, std::abs(x[2].value - x[1].value) + x[2].error),
          .least = std::min(x[1].least, x[2].least)};
}

/// An argument that settles the result whatever the other one is.
bool Settles(ScalarOp op, DType dtype, const Bounded& x) {
  return !x.undecided && ((op == ScalarOp::kAnd && x.integer == 0) ||
                          (op == ScalarOp::kOr && dtype == DType::kBool && x.integer != 0));
}

}  // namespace

double UnitRoundoff(DType dtype) {
  return dtype == DType::kF64 ? 0x1p-52 : std::ldexp(1, -Info(dtype).digits) + 0x1p-52;
}

Bounded Rounded(Bounded x, DType dtype) {
  x.identity = 0;
  return x.undecided ? x : WithUlps(x, dtype, 0.5);
}

Bounded ExactNumber(DType dtype, double number, int64_t integer) {
  if (!Info(dtype).is_float) return {.integer = integer};
  return std::isnan(number) ? Undecided()
                            : Bounded{.value = number, .least = number};  // an infinity is exact
}

Bounded Apply(ScalarOp op, DType dtype, Arguments arguments) {
  if (op == ScalarOp::kSelect) return Select(dtype, arguments);
  for (const Bounded& x : arguments)
    if (Settles(op, dtype, x)) return {.integer = x.integer};
  if (std::ranges::any_of(arguments, &Bounded::undecided)) return Undecided();
  const bool is_float = Info(dtype).is_float;
  const FloatRow* row = FindRow(op);
  if (is_float && row != nullptr) {
    Bounded result = row->rule(arguments);
    result.least = LeastOf(op, arguments);
    if (result.undecided || row->ulps == 0) return result;
    return WithUlps(result, ArithmeticType(dtype), row->ulps);
  }
  if (is_float && Overlap(arguments[0], arguments[1])) return Undecided();
  Cell cells[8];
  for (size_t i = 0; i < arguments.size(); ++i)
    cells[i] = is_float ? NumberCell(arguments[i].value) : IntegerCell(arguments[i].integer);
  return {.integer = EvaluateCall(op, dtype, {cells, arguments.size()}).integer};
}

Bounded ApplyCast(DType from, DType to, const Bounded& x) {
  if (x.undecided) return x;
  const bool from_float = Info(from).is_float;
  if (from_float && Info(to).is_float) return HoldsAll(to, from) ? x : Rounded(x, to);
  const auto cast = [&](double number) {
    return EvaluateCast(from, to, from_float ? NumberCell(number) : IntegerCell(x.integer));
  };
  if (Info(to).is_float) return Rounded(Number(cast(0).number, 0), to);
  const int64_t result = WrapInteger(to, cast(x.value).integer);
  const bool straddles =
      from_float && (cast(Low(x)).integer != cast(High(x)).integer ||
                     (to == DType::kBool && x.error > 0 && Low(x) <= 0 && High(x) >= 0));
  return straddles ? Undecided() : Bounded{.integer = result};
}

}  // namespace descent
