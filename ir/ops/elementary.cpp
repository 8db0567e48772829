// Elementary functions. Bounds of compiled code in units of the last place: exp, log, tanh, sigmoid
// 2, the others 4, over all arguments.
//
// Those that are no scalar instruction are made of some so that nothing cancels and nothing
// overflows before the result does, in the forms of fdlibm (Sun Microsystems, 1993).

#include <array>
#include <limits>
#include <numbers>

#include "ir/ops/elementwise.h"
#include "ir/ops/families.h"

namespace descent {
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;
using Definition = TensorExpr (*)(const OpContext&);
using Vjp = Values (*)(const VjpContext&);

// ---- definitions -------------------------------------------------------------------------------

Scalar Choose(const Scalar& condition, const Scalar& a, const Scalar& b) {
  return Call(kSelect, {condition, a, b});
}
Scalar Magnitude(const Scalar& x) { return Call(kAbs, {x}); }
Scalar Root(const Scalar& x) { return Call(kSqrt, {x}); }
Scalar IsAbove(const Scalar& x, double limit) { return Call(kGt, {x, Number(x, limit)}); }
bool IsDouble(const Scalar& x) { return x->dtype == DType::kF64; }

/// An odd function from its values on magnitudes; -0 stays -0.
Scalar Odd(const Scalar& x, const Scalar& of_magnitude) {
  const Scalar zero = Number(x, 0);
  const Scalar positive = Choose(Call(kEq, {x, zero}), x, of_magnitude);
  return Choose(Call(kLt, {x, zero}), -of_magnitude, positive);
}

/// Where e^x or a quarter of it may overflow.
Scalar IsLargeExponent(const Scalar& x) { return IsAbove(x, IsDouble(x) ? 709 : 88); }

/// With t = e^|x| - 1: (t + t / (t + 1)) / 2; (e^(|x| / 2))^2 / 2 for large x.
Scalar Sinh(const Scalar& x) {
  const Scalar a = Magnitude(x), large = IsLargeExponent(a);
  const Scalar t = Call(kExpm1, {Choose(large, a * 0.5, a)});
  return Odd(x, Choose(large, t * 0.5 * t, (t + t / (t + 1)) * 0.5));
}

Scalar Cosh(const Scalar& x) {
  const Scalar a = Magnitude(x), large = IsLargeExponent(a);
  const Scalar e = Call(kExp, {Choose(large, a * 0.5, a)}), half = e * 0.5;
  return Choose(large, half * e, half + 0.5 / e);
}

/// Where 1 / x^2 no longer counts beside 1, and 1 / x not beside log x.
Scalar IsLargeBase(const Scalar& x) { return IsAbove(x, IsDouble(x) ? 0x1p56 : 0x1p28); }

/// log(1 + u), and log 2x for large x.
Scalar LogOrLogOfTwice(const Scalar& x, const Scalar& large, const Scalar& u) {
  return Call(kLog1p, {Choose(large, x, u)}) +
         Choose(large, Number(x, std::numbers::ln2), Number(x, 0));
}

/// log(a + sqrt(a^2 + 1)) with a = |x|
Scalar Asinh(const Scalar& x) {
  const Scalar a = Magnitude(x), square = a * a;
  return Odd(x, LogOrLogOfTwice(a, IsLargeBase(a), a + square / (Root(square + 1) + 1)));
}

/// log(x + sqrt(x^2 - 1)) with t = x - 1
Scalar Acosh(const Scalar& x) {
  const Scalar one = Number(x, 1), t = x - one;
  const Scalar inside = LogOrLogOfTwice(x, IsLargeBase(x), t + Root(t * (t + 2)));
  return Choose(Call(kLt, {x, one}), Number(x, std::numeric_limits<double>::quiet_NaN()), inside);
}

Scalar Atanh(const Scalar& x) {
  const Scalar a = Magnitude(x);
  return Odd(x, Call(kLog1p, {(a + a) / (1.0 - a)}) * 0.5);
}

/// sqrt(1 - x^2) without cancellation.
Scalar OtherLeg(const Scalar& x) { return Root((1.0 - x) * (x + 1)); }
Scalar Asin(const Scalar& x) { return Call(kAtan2, {x, OtherLeg(x)}); }
Scalar Acos(const Scalar& x) { return Call(kAtan2, {OtherLeg(x), x}); }
Scalar Atan(const Scalar& x) { return Call(kAtan2, {x, Number(x, 1)}); }

// ---- gradients ---------------------------------------------------------------------------------

Values VjpExp2(const VjpContext& v) { return {Gradient(v) * (ResultOf(v) * std::numbers::ln2)}; }
Values VjpLog2(const VjpContext& v) { return {Gradient(v) / (Operand(v, 0) * std::numbers::ln2)}; }
Values VjpTanh(const VjpContext& v) { return {Gradient(v) * (1.0 - Square(ResultOf(v)))}; }
Values VjpSigmoid(const VjpContext& v) {
  const Expr y = ResultOf(v);
  return {Gradient(v) * (y * (1.0 - y))};
}

Expr Cathetus(Expr x) { return Sqrt((1.0 - x) * (1.0 + x)); }
Values VjpAcosh(const VjpContext& v) {
  const Expr x = Operand(v, 0);
  return {Gradient(v) / Sqrt((x - 1.0) * (x + 1.0))};
}
Values VjpAtanh(const VjpContext& v) {
  const Expr x = Operand(v, 0);
  return {Gradient(v) / ((1.0 - x) * (1.0 + x))};
}
Values VjpAtan2(const VjpContext& v) {
  const Expr y = Operand(v, 0), x = Operand(v, 1);
  const Expr g = Gradient(v) / (Square(x) + Square(y));
  return {g * x, -(g * y)};
}

/// g erf'(x)
Expr OfErf(const VjpContext& v) {
  return Gradient(v) * (Exp(-Square(Operand(v, 0))) * (2 * std::numbers::inv_sqrtpi));
}

OpDef Function(std::string_view name, std::string_view doc, std::string_view example,
               Definition define, Vjp vjp) {
  return {.name = name,
          .doc = doc,
          .example = example,
          .signature = Unary(DTypeClass::kFloat),
          .infer = InferBroadcast,
          .define = define,
          .vjp = vjp};
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
std::span<const OpDef> ElementaryOps() {
  static const std::array kOps = {
      Function("exp", "Exponential function.\n\n`y = e^x` (ISO C exp). Gradient: `g * y`.",
               "exp([0, 1]) = [1, 2.7183]", Define<kExp>,
               [](const VjpContext& v) { return Values{Gradient(v) * ResultOf(v)}; }),
      Function(
          "exp2",
          "Power of two.\n\n`y = 2^x` (ISO C exp2), exact for whole x. Gradient: `g * y * log(2)`.",
          "exp2([3, 0.5]) = [8, 1.4142]", Define<kExp2>, VjpExp2),
      Function("expm1",
               "Exponential function minus 1.\n\n`y = e^x - 1` (ISO C expm1), accurate near 0. "
               "Gradient: `g * (y + 1)`.",
               "expm1([0, 1]) = [0, 1.7183]", Define<kExpm1>,
               [](const VjpContext& v) { return Values{Gradient(v) * (ResultOf(v) + 1.0)}; }),
      Function("log",
               "Natural logarithm.\n\n`y = log(x)` (ISO C log): -infinity at 0, NaN below. "
               "Gradient: `g / x`.",
               "log([1, 2]) = [0, 0.6931]", Define<kLog>,
               [](const VjpContext& v) { return Values{Gradient(v) / Operand(v, 0)}; }),
      Function("log2",
               "Logarithm to base 2.\n\n`y = log2(x)` (ISO C log2), exact for powers of two; "
               "-infinity at 0, NaN below. Gradient: `g / (x * log(2))`.",
               "log2([8, 3]) = [3, 1.585]", Define<kLog2>, VjpLog2),
      Function("log1p",
               "Natural logarithm of 1 + x.\n\n`y = log(1 + x)` (ISO C log1p), accurate near 0; "
               "-infinity at -1, NaN below. Gradient: `g / (1 + x)`.",
               "log1p([0, 1]) = [0, 0.6931]", Define<kLog1p>,
               [](const VjpContext& v) { return Values{Gradient(v) / (Operand(v, 0) + 1.0)}; }),
      Function("sin",
               "Sine of an angle in radians.\n\n`y = sin(x)` (ISO C sin); NaN of infinities. "
               "Gradient: `g * cos(x)`.",
               "sin([0, 1]) = [0, 0.8415]", Define<kSin>,
               [](const VjpContext& v) { return Values{Gradient(v) * Cos(Operand(v, 0))}; }),
      Function("cos",
               "Cosine of an angle in radians.\n\n`y = cos(x)` (ISO C cos); NaN of infinities. "
               "Gradient: `-g * sin(x)`.",
               "cos([0, 1]) = [1, 0.5403]", Define<kCos>,
               [](const VjpContext& v) { return Values{-(Gradient(v) * Sin(Operand(v, 0)))}; }),
      Function(
          "tan",
          "Tangent of an angle in radians.\n\n`y = tan(x)` (ISO C tan); NaN of infinities. "
          "Gradient: `g * (1 + y^2)`.",
          "tan([0, 1]) = [0, 1.5574]", Define<kTan>,
          [](const VjpContext& v) { return Values{Gradient(v) * (Square(ResultOf(v)) + 1.0)}; }),
      Function("asin",
               "Angle in radians whose sine is x.\n\n`y = asin(x)` (ISO C asin) in [-pi/2, pi/2], "
               "NaN outside of `[-1, 1]`. Gradient: `g / sqrt(1 - x^2)`, infinite at -1 and 1.",
               "asin([0, 1]) = [0, 1.5708]", DefineUnary<Asin>,
               [](const VjpContext& v) { return Values{Gradient(v) / Cathetus(Operand(v, 0))}; }),
      Function(
          "acos",
          "Angle in radians whose cosine is x.\n\n`y = acos(x)` (ISO C acos) in [0, pi], NaN "
          "outside of `[-1, 1]`. Gradient: `-g / sqrt(1 - x^2)`, infinite at -1 and 1.",
          "acos([0, 1]) = [1.5708, 0]", DefineUnary<Acos>,
          [](const VjpContext& v) { return Values{-(Gradient(v) / Cathetus(Operand(v, 0)))}; }),
      Function(
          "atan",
          "Angle in radians whose tangent is x.\n\n`y = atan(x)` (ISO C atan) in [-pi/2, pi/2]. "
          "Gradient: `g / (1 + x^2)`.",
          "atan([0, 1]) = [0, 0.7854]", DefineUnary<Atan>,
          [](const VjpContext& v) { return Values{Gradient(v) / (Square(Operand(v, 0)) + 1.0)}; }),
      OpDef{.name = "atan2",
            .doc = "Angle of the point (b, a) in radians.\n\n`y = atan2(a, b)` (ISO C atan2) in "
                   "[-pi, pi], broadcast as NumPy does: `tan(y) = a / b` in the quadrant of the "
                   "point. As in C a = -0 at a negative b gives -pi. Gradient: `g * b / (a^2 + "
                   "b^2)` and `-g * a / (a^2 + b^2)`, NaN where both are 0.",
            .example = "atan2([1, -1], [1, -1]) = [0.7854, -2.3562]",
            .signature = Binary(DTypeClass::kFloat),
            .infer = InferBroadcast,
            .define = Define<kAtan2>,
            .vjp = VjpAtan2},
      Function("sinh",
               "Hyperbolic sine.\n\n`y = (e^x - e^-x) / 2` (ISO C sinh). Gradient: `g * cosh(x)`.",
               "sinh([0, 1]) = [0, 1.1752]", DefineUnary<Sinh>,
               [](const VjpContext& v) { return Values{Gradient(v) * Cosh(Operand(v, 0))}; }),
      Function(
          "cosh",
          "Hyperbolic cosine.\n\n`y = (e^x + e^-x) / 2` (ISO C cosh). Gradient: `g * sinh(x)`.",
          "cosh([0, 1]) = [1, 1.5431]", DefineUnary<Cosh>,
          [](const VjpContext& v) { return Values{Gradient(v) * Sinh(Operand(v, 0))}; }),
      Function("tanh",
               "Hyperbolic tangent.\n\n`y = (e^x - e^-x) / (e^x + e^-x)` (ISO C tanh). Gradient: "
               "`g * (1 - y^2)`.",
               "tanh([0, 1]) = [0, 0.7616]", Define<kTanh>, VjpTanh),
      Function("asinh",
               "Inverse hyperbolic sine.\n\n`y = log(x + sqrt(x^2 + 1))` (ISO C asinh). Gradient: "
               "`g / sqrt(x^2 + 1)`.",
               "asinh([0, 1]) = [0, 0.8814]", DefineUnary<Asinh>,
               [](const VjpContext& v) {
                 return Values{Gradient(v) / Sqrt(Square(Operand(v, 0)) + 1.0)};
               }),
      Function("acosh",
               "Inverse hyperbolic cosine.\n\n`y = log(x + sqrt(x^2 - 1))` (ISO C acosh), NaN "
               "below 1. Gradient: `g / sqrt(x^2 - 1)`, infinite at 1.",
               "acosh([1, 2]) = [0, 1.317]", DefineUnary<Acosh>, VjpAcosh),
      Function("atanh",
               "Inverse hyperbolic tangent.\n\n`y = log((1 + x) / (1 - x)) / 2` (ISO C atanh), NaN "
               "outside of `[-1, 1]`. Gradient: `g / (1 - x^2)`, infinite at -1 and 1.",
               "atanh([0, 0.5]) = [0, 0.5493]", DefineUnary<Atanh>, VjpAtanh),
      Function("erf",
               "Error function.\n\n`y = 2 / sqrt(pi) * integral of e^(-t^2) from 0 to x` (ISO C "
               "erf). Gradient: `g * 2 / sqrt(pi) * e^(-x^2)`.",
               "erf([0, 1]) = [0, 0.8427]", Define<kErf>,
               [](const VjpContext& v) { return Values{OfErf(v)}; }),
      Function("erfc",
               "Complement of the error function.\n\n`y = 1 - erf(x)` (ISO C erfc), accurate where "
               "it is small. Gradient: `-g * 2 / sqrt(pi) * e^(-x^2)`.",
               "erfc([0, 1]) = [1, 0.1573]", Define<kErfc>,
               [](const VjpContext& v) { return Values{-OfErf(v)}; }),
      Function("sigmoid",
               "Logistic function.\n\n`y = 1 / (1 + e^-x)` (torch.sigmoid, ONNX Sigmoid). "
               "Gradient: `g * y * (1 - y)`.",
               "sigmoid([0, 2]) = [0.5, 0.8808]", Define<kSigmoid>, VjpSigmoid),
  };
  return kOps;
}

}  // namespace descent
