// Elementwise arithmetic: sums to remainders, rounding, roots, limits.

#include <array>
#include <cmath>

#include "ir/ops/elementwise.h"
#include "ir/ops/families.h"
#include "ir/scalar_eval.h"

namespace descent {
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;

// ---- definitions -------------------------------------------------------------------------------

Scalar Sign(const Scalar& x) {
  const Scalar zero = Number(x, 0);
  const Scalar negative = Info(x->dtype).is_unsigned
                              ? zero
                              : Call(kSelect, {Call(kLt, {x, zero}), Number(x, -1), zero});
  return Call(kSelect, {Call(kGt, {x, zero}), Number(x, 1), negative});
}

Scalar Square(const Scalar& x) { return x * x; }
Scalar Floor(const Scalar& x) { return Call(kFloor, {x}); }
Scalar Ceil(const Scalar& x) { return -Floor(-x); }
Scalar Trunc(const Scalar& x) {
  return Call(kSelect, {Call(kLt, {x, Number(x, 0)}), Ceil(x), Floor(x)});
}
Scalar Rsqrt(const Scalar& x) { return 1.0 / Call(kSqrt, {x}); }
Scalar Reciprocal(const Scalar& x) { return 1.0 / x; }

/// What fmod leaves has a's sign.
Scalar Remainder(const Scalar& a, const Scalar& b) {
  const Scalar rest = Call(kFmod, {a, b}), zero = Number(a, 0);
  const Scalar other_side = Call(kXor, {Call(kLt, {rest, zero}), Call(kLt, {b, zero})});
  const Scalar wrong = Call(kAnd, {Call(kNe, {rest, zero}), other_side});
  return Call(kSelect, {wrong, rest + b, rest});
}

struct Limits {
  Scalar low, high;
};

/// Integers between the limits are those between the nearest integers inside, as far as the type
/// goes.
Limits ClampLimits(const OpContext& op) {
  const DType dtype = op.dtype(0);
  const double low = op.attributes.Float("low"), high = op.attributes.Float("high");
  if (Info(dtype).is_float) return {ConstantScalar(dtype, low), ConstantScalar(dtype, high)};
  const auto whole = [&](double limit) {
    return ConstantInt(dtype, EvaluateCast(DType::kF64, dtype, NumberCell(limit)).integer);
  };
  return {whole(std::ceil(low)), whole(std::floor(high))};
}

TensorExpr DefineClamp(const OpContext& op) {
  const auto [low, high] = ClampLimits(op);
  return Elementwise(op, [&](Reads x) {
    const Scalar from_below = Call(kSelect, {Call(kLt, {x[0], low}), low, x[0]});
    return Call(kSelect, {Call(kGt, {x[0], high}), high, from_below});
  });
}

Result<std::vector<TensorType>> InferClamp(const OpContext& op) {
  const double low = op.attributes.Float("low"), high = op.attributes.Float("high");
  if (!(low <= high)) return Error("limits must hold low <= high, not {} and {}", low, high);
  if (Info(op.dtype(0)).is_integer && std::ceil(low) > std::floor(high))
    return Error("no integer lies between the limits {} and {}", low, high);
  return InferBroadcast(op);
}

// ---- gradients ---------------------------------------------------------------------------------

Values VjpMul(const VjpContext& v) {
  const Expr g = Gradient(v);
  return {g * Operand(v, 1), g * Operand(v, 0)};
}

Values VjpDiv(const VjpContext& v) {
  const Expr g = Gradient(v) / Operand(v, 1);
  return {g, -(g * ResultOf(v))};
}

Values VjpFmod(const VjpContext& v) {
  const Expr g = Gradient(v);
  return {g, -(g * Trunc(Operand(v, 0) / Operand(v, 1)))};
}

Values VjpRemainder(const VjpContext& v) {
  const Expr g = Gradient(v);
  return {g, -(g * Floor(Operand(v, 0) / Operand(v, 1)))};
}

Values VjpPow(const VjpContext& v) {
  const Expr g = Gradient(v), x = Operand(v, 0), p = Operand(v, 1), y = ResultOf(v);
  const Expr dx = Where(Equal(p, 0.0), 0.0, g * p * Pow(x, p - 1.0));
  const Expr dp = Where(And(Equal(x, 0.0), GreaterEqual(p, 0.0)), 0.0, g * y * Log(x));
  return {dx, dp};
}

Values VjpRsqrt(const VjpContext& v) {
  const Expr y = ResultOf(v);
  return {Gradient(v) * (Square(y) * y * -0.5)};
}

Values VjpMinimum(const VjpContext& v) {
  const Expr a = Operand(v, 0), b = Operand(v, 1), g = Gradient(v);
  const Expr shared = Where(Equal(a, b), g * 0.5, g);
  return {Where(Greater(a, b), 0.0, shared), Where(Less(a, b), 0.0, shared)};
}

Values VjpMaximum(const VjpContext& v) {
  const Expr a = Operand(v, 0), b = Operand(v, 1), g = Gradient(v);
  const Expr shared = Where(Equal(a, b), g * 0.5, g);
  return {Where(Less(a, b), 0.0, shared), Where(Greater(a, b), 0.0, shared)};
}

Values VjpClamp(const VjpContext& v) {
  const Expr x = Operand(v, 0);
  const Expr inside = And(GreaterEqual(x, v.op.attributes.Float("low")),
                          LessEqual(x, v.op.attributes.Float("high")));
  return {Where(inside, Gradient(v), 0.0)};
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
std::span<const OpDef> ArithmeticOps() {
  using enum DTypeClass;
  static const std::array kOps = {
      OpDef{.name = "add",
            .doc = "Sum of two tensors.\n\n`y = a + b` (IEEE 754 addition, numpy.add), broadcast "
                   "as NumPy does; integers wrap. Gradient: `g` to both.",
            .example = "add([1, 2], [3, 4.5]) = [4, 6.5]",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kAdd>,
            .vjp = [](const VjpContext& v) { return Values{v.gradient(), v.gradient()}; }},
      OpDef{.name = "sub",
            .doc =
                "Difference of two tensors.\n\n`y = a - b` (IEEE 754 subtraction, "
                "numpy.subtract), broadcast as NumPy does; integers wrap. Gradient: `g` and `-g`.",
            .example = "sub([1, 2], [3, 4.5]) = [-2, -2.5]",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kSub>,
            .vjp = [](const VjpContext& v) { return Values{v.gradient(), -Gradient(v)}; }},
      OpDef{.name = "mul",
            .doc =
                "Product of two tensors.\n\n`y = a * b` (IEEE 754 multiplication, numpy.multiply), "
                "broadcast as NumPy does; integers wrap. Gradient: `g * b` and `g * a`.",
            .example = "mul([2, 3], [4, -1]) = [8, -3]",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kMul>,
            .vjp = VjpMul},
      OpDef{.name = "div",
            .doc = "Quotient of two tensors.\n\n`y = a / b` (IEEE 754 division, of integers ISO "
                   "C's), broadcast as NumPy does. Integers truncate toward zero; divided by zero "
                   "they give 0. Gradient: `g / b` and `-g * y / b`.",
            .example = "div([1, -3], [4, 2]) = [0.25, -1.5]",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kDiv>,
            .vjp = VjpDiv},
      OpDef{.name = "fmod",
            .doc = "What a truncating division leaves.\n\n`y = a - trunc(a / b) * b`, broadcast as "
                   "NumPy does: C's fmod, exact, with the sign of a. NaN where b is 0 or a is "
                   "infinite; integers divided by 0 leave 0. Gradient: `g` and `-g * trunc(a / "
                   "b)`, also at the jumps.",
            .example = "fmod([5.5, -5.5], [2, 2]) = [1.5, -1.5]",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kFmod>,
            .vjp = VjpFmod},
      OpDef{.name = "remainder",
            .doc = "What a division that rounds down leaves.\n\n`y = a - floor(a / b) * b`, "
                   "broadcast as NumPy does: Python's %, with the sign of b, made of the exact "
                   "fmod. NaN where b is 0 or a is infinite; integers divided by 0 leave 0. "
                   "Gradient: `g` and `-g * floor(a / b)`, also at the jumps.",
            .example = "remainder([5.5, -5.5], [2, 2]) = [1.5, 0.5]",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = DefineBinary<Remainder>,
            .vjp = VjpRemainder},
      OpDef{.name = "neg",
            .doc = "Negation.\n\n`y = -x` (IEEE 754 negate, numpy.negative). Gradient: `-g`.",
            .example = "neg([1, -2]) = [-1, 2]",
            .signature = Unary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kNeg>,
            .vjp = [](const VjpContext& v) { return Values{-Gradient(v)}; }},
      OpDef{.name = "abs",
            .doc = "Absolute value.\n\n`y = |x|` (IEEE 754 abs, numpy.absolute). Gradient: `g * "
                   "sign(x)`, so 0 at 0.",
            .example = "abs([1, -2]) = [1, 2]",
            .signature = Unary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kAbs>,
            .vjp = [](const VjpContext& v) { return Values{Gradient(v) * Sign(Operand(v, 0))}; }},
      OpDef{.name = "sign",
            .doc = "Sign.\n\n`y = (x > 0) - (x < 0)`: 1 above 0, -1 below 0, and 0 at 0 and for "
                   "NaN (as torch.sign; numpy.sign keeps NaN). Gradient: 0, also at the jump.",
            .example = "sign([3, 0, -2]) = [1, 0, -1]",
            .signature = Unary(kNumeric),
            .infer = InferBroadcast,
            .define = DefineUnary<Sign>,
            .vjp = VjpZero},
      OpDef{.name = "floor",
            .doc = "Largest whole number that is not above x.\n\n`y = floor(x)` (ISO C floor); -0 "
                   "and infinities stay. Gradient: 0, also at the jumps.",
            .example = "floor([1.5, -1.5]) = [1, -2]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = Define<kFloor>,
            .vjp = VjpZero},
      OpDef{.name = "ceil",
            .doc = "Smallest whole number that is not below x.\n\n`y = ceil(x)` (ISO C ceil); -0 "
                   "and infinities stay. Gradient: 0, also at the jumps.",
            .example = "ceil([1.5, -1.5]) = [2, -1]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = DefineUnary<Ceil>,
            .vjp = VjpZero},
      OpDef{.name = "round",
            .doc = "Nearest whole number.\n\n`y = round(x)`; halves go to the even one: 0.5 to 0, "
                   "1.5 and 2.5 to 2 (numpy.round, torch.round; C's round goes away from 0). "
                   "Gradient: 0, also at the jumps.",
            .example = "round([0.5, 1.5, -1.7]) = [0, 2, -2]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = Define<kRound>,
            .vjp = VjpZero},
      OpDef{.name = "trunc",
            .doc = "Whole part, toward 0.\n\n`y = floor(x)` (ISO C trunc) above 0, `ceil(x)` "
                   "below. Gradient: 0, also at the jumps.",
            .example = "trunc([1.5, -1.5]) = [1, -1]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = DefineUnary<Trunc>,
            .vjp = VjpZero},
      OpDef{.name = "square",
            .doc = "Square.\n\n`y = x * x` (numpy.square). Gradient: `2 * g * x`.",
            .example = "square([3, -2]) = [9, 4]",
            .signature = Unary(kNumeric),
            .infer = InferBroadcast,
            .define = DefineUnary<Square>,
            .vjp = [](const VjpContext& v) { return Values{Gradient(v) * (Operand(v, 0) * 2.0)}; }},
      OpDef{.name = "sqrt",
            .doc = "Square root.\n\n`y = sqrt(x)` (IEEE 754 squareRoot), NaN below 0. Gradient: `g "
                   "/ (2 * y)`, infinite at 0.",
            .example = "sqrt([4, 2]) = [2, 1.4142]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = Define<kSqrt>,
            .vjp = [](const VjpContext& v) { return Values{Gradient(v) / (ResultOf(v) * 2.0)}; }},
      OpDef{.name = "rsqrt",
            .doc = "Reciprocal square root.\n\n`y = 1 / sqrt(x)` (IEEE 754 rSqrt): infinite at 0, "
                   "NaN below. Gradient: `-g * y^3 / 2`.",
            .example = "rsqrt([4, 2]) = [0.5, 0.7071]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = DefineUnary<Rsqrt>,
            .vjp = VjpRsqrt},
      OpDef{
          .name = "reciprocal",
          .doc = "Reciprocal.\n\n`y = 1 / x` (IEEE 754 division, torch.reciprocal). Gradient: `-g "
                 "* y^2`.",
          .example = "reciprocal([4, -2]) = [0.25, -0.5]",
          .signature = Unary(kFloat),
          .infer = InferBroadcast,
          .define = DefineUnary<Reciprocal>,
          .vjp = [](const VjpContext& v) { return Values{-(Gradient(v) * Square(ResultOf(v)))}; }},
      OpDef{.name = "pow",
            .doc = "Power.\n\n`y = a^b`, broadcast as NumPy does: C's pow. Integers wrap; a "
                   "negative exponent gives 0 unless the base is 1 or -1. Gradient: to a, `g * b "
                   "* a^(b-1)`, 0 where b is 0; to b, `g * y * log(a)`, 0 where a is 0 and b is "
                   "not negative, as PyTorch has it.",
            .example = "pow([2, 9], [3, 0.5]) = [8, 3]",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kPow>,
            .vjp = VjpPow},
      OpDef{.name = "minimum",
            .doc = "The smaller of two tensors, element by element.\n\n`y = min(a, b)`, broadcast "
                   "as NumPy does; NaN if either is NaN (numpy.minimum). Gradient: `g` to the "
                   "smaller; half to each where they are equal, as PyTorch has it.",
            .example = "minimum([1, 4], [2, 3]) = [1, 3]",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kMin>,
            .vjp = VjpMinimum},
      OpDef{.name = "maximum",
            .doc = "The larger of two tensors, element by element.\n\n`y = max(a, b)`, broadcast "
                   "as NumPy does; NaN if either is NaN (numpy.maximum). Gradient: `g` to the "
                   "larger; half to each where they are equal, as PyTorch has it.",
            .example = "maximum([1, 4], [2, 3]) = [2, 4]",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kMax>,
            .vjp = VjpMaximum},
      OpDef{.name = "clamp",
            .doc = "Values brought between two limits.\n\n`y = min(max(x, low), high)`; NaN stays "
                   "NaN. Limits of integers are rounded inward and saturate at those of their "
                   "type. Gradient: `g` where `low <= x <= high`, the limits included, else 0 "
                   "(torch.clamp).",
            .example = "clamp([-2, 0.5, 3], low=-1, high=1) = [-1, 0.5, 1]",
            .signature = Unary(kNumeric,
                               {{"low", AttributeKind::kFloat, Attribute(-INFINITY), "lower limit"},
                                {"high", AttributeKind::kFloat, Attribute(INFINITY),
                                 "upper limit, not below the lower one"}}),
            .infer = InferClamp,
            .define = DefineClamp,
            .vjp = VjpClamp},
  };
  return kOps;
}

}  // namespace descent
