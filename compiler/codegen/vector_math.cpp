#include "compiler/codegen/vector_math.h"

#include <numbers>

#include "compiler/codegen/float_math.h"

namespace descent {
namespace {

struct Decomposed {
  llvm::Value* exponent;  ///< as float
  llvm::Value* fraction;  ///< f with |x| = 2^exponent (1 + f), sqrt(1/2) <= 1 + f < sqrt(2)
};

/// For positive finite x, denormals included.
Decomposed Decompose(FunctionEmitter& f, Math& m, llvm::Value* x) {
  auto& b = f.b;
  const FloatFormat& format = m.format();
  llvm::Value* tiny = b.CreateFCmpOLT(x, m.C(format.smallest_normal));
  x = b.CreateSelect(tiny, b.CreateFMul(x, m.C(format.denormal_scale)), x);
  llvm::Value* bits = m.Bits(x);
  llvm::Value* exponent =
      b.CreateAShr(b.CreateSub(bits, m.I(format.sqrt_half_bits)), m.I(format.mantissa_bits));
  llvm::Value* mantissa =
      m.FromBits(b.CreateSub(bits, b.CreateShl(exponent, m.I(format.mantissa_bits))));
  // The exponent fits 32 bits, whose conversion is one instruction everywhere.
  llvm::Type* narrow = f.Widen(b.getInt32Ty(), m.lanes());
  llvm::Value* as_float = b.CreateSIToFP(b.CreateTrunc(exponent, narrow), m.type());
  as_float = b.CreateFSub(as_float, b.CreateSelect(tiny, m.C(format.denormal_shift), m.C(0)));
  return {as_float, b.CreateFSub(mantissa, m.C(1))};
}

/// An unevaluated sum, high being the nearest float to it.
struct DoubleDouble {
  llvm::Value* high;
  llvm::Value* low;
};

/// log(1 + fraction) - fraction + low for sqrt(1/2) <= 1 + fraction < sqrt(2) and a small `low`.
llvm::Value* LogTail(FunctionEmitter& f, Math& m, llvm::Value* fraction, llvm::Value* low) {
  auto& b = f.b;
  llvm::Value* square = b.CreateFMul(fraction, fraction);
  if (m.format().bits == 32) {
    llvm::Value* p = m.Polynomial(kLog32, fraction);
    return m.Fma(square, m.C(-0.5), m.Fma(b.CreateFMul(fraction, square), p, low));
  }
  llvm::Value* s = b.CreateFDiv(fraction, b.CreateFAdd(fraction, m.C(2)));
  llvm::Value* z = b.CreateFMul(s, s);
  llvm::Value* r = b.CreateFMul(z, m.Polynomial(kLog64, z));
  llvm::Value* half_square = b.CreateFMul(square, m.C(0.5));
  return b.CreateFSub(m.Fma(s, b.CreateFAdd(half_square, r), low), half_square);
}

/// `of_positive` where x is positive and finite, else what any logarithm gives.
llvm::Value* LogOfAny(FunctionEmitter& f, Math& m, llvm::Value* x, llvm::Value* of_positive) {
  auto& b = f.b;
  llvm::Value* result = b.CreateSelect(b.CreateFCmpOEQ(x, m.Infinity()), x, of_positive);
  result = b.CreateSelect(b.CreateFCmpOEQ(x, m.C(0)), m.Infinity(true), result);
  return b.CreateSelect(b.CreateFCmpULT(x, m.C(0)), m.Nan(), result);
}

/// a + b exactly. D. Knuth, The Art of Computer Programming 2, 4.2.2.
DoubleDouble TwoSum(llvm::IRBuilder<>& b, llvm::Value* x, llvm::Value* y) {
  llvm::Value* sum = b.CreateFAdd(x, y);
  llvm::Value* y_part = b.CreateFSub(sum, x);
  llvm::Value* x_part = b.CreateFSub(sum, y_part);
  return {sum, b.CreateFAdd(b.CreateFSub(x, x_part), b.CreateFSub(y, y_part))};
}

}  // namespace

llvm::Value* EmitExp(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  return m.ExpOfClamped(m.Clamp(x, m.format().exp_low, m.format().exp_high));
}

llvm::Value* EmitExp2(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  auto& b = f.b;
  x = m.Clamp(x, m.format().exp2_low, m.format().exp2_high);
  llvm::Value* shifted = b.CreateFAdd(x, m.C(m.format().round_magic));
  const Math::Whole n = m.WholeOf(shifted);
  llvm::Value* rest = b.CreateFSub(x, n.rounded);
  llvm::Value* r = b.CreateFMul(rest, m.C(std::numbers::ln2));
  return m.Scaled(b.CreateFAdd(m.Expm1OfSmall(r), m.C(1)), n);
}

// 2^n (1 + p) - 1 as twice 2^(n-1) p + (2^(n-1) - 1/2), which overflows no earlier than the result.
llvm::Value* EmitExpm1(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  auto& b = f.b;
  const auto reduced = m.ReduceExp(m.Clamp(x, m.format().expm1_low, m.format().exp_high));
  llvm::Value* p = reduced.expm1_of_rest;
  llvm::Value* scale = m.PowerOfTwo(b.CreateSub(reduced.n.integer, m.I(1)));
  llvm::Value* half = m.Fma(scale, p, b.CreateFSub(scale, m.C(0.5)));
  llvm::Value* small = b.CreateICmpEQ(reduced.n.integer, m.I(0));
  llvm::Value* result = b.CreateSelect(small, p, b.CreateFAdd(half, half));
  return b.CreateSelect(b.CreateFCmpOEQ(x, m.C(0)), x, result);  // keeps -0
}

llvm::Value* EmitLog(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  auto& b = f.b;
  const auto [exponent, fraction] = Decompose(f, m, x);
  llvm::Value* low = b.CreateFMul(exponent, m.C(m.format().ln2_low));
  llvm::Value* log = b.CreateFAdd(fraction, LogTail(f, m, fraction, low));
  return LogOfAny(f, m, x, m.Fma(exponent, m.C(m.format().ln2_high), log));
}

llvm::Value* EmitLog2(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  auto& b = f.b;
  const auto [exponent, fraction] = Decompose(f, m, x);
  llvm::Value* log = b.CreateFAdd(fraction, LogTail(f, m, fraction, m.C(0)));
  return LogOfAny(f, m, x, m.Fma(log, m.C(std::numbers::log2e), exponent));
}

// log(u + c) = log(u) + c / u for u, the rounded 1 + x, and what the rounding lost. Near 0 the
// fraction is x itself.
llvm::Value* EmitLog1p(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  auto& b = f.b;
  const DoubleDouble u = TwoSum(b, x, m.C(1));
  auto [exponent, fraction] = Decompose(f, m, u.high);
  llvm::Value* small = b.CreateFCmpOEQ(exponent, m.C(0));
  fraction = b.CreateSelect(small, x, fraction);
  llvm::Value* lost = b.CreateSelect(small, m.C(0), b.CreateFDiv(u.low, u.high));
  llvm::Value* low = m.Fma(exponent, m.C(m.format().ln2_low), lost);
  llvm::Value* log = b.CreateFAdd(fraction, LogTail(f, m, fraction, low));
  log = LogOfAny(f, m, u.high, m.Fma(exponent, m.C(m.format().ln2_high), log));
  return b.CreateSelect(b.CreateFCmpOEQ(x, m.C(0)), x, log);  // keeps -0
}

// ---- hyperbolic tangent, sigmoid ---------------------------------------------------------------

namespace {

/// numerator / (divisor + divisor_low) with hardly more than one rounding: the remainder of the
/// plain quotient, which the caller gives, times an estimate of 1 / divisor.
llvm::Value* Refined(FunctionEmitter& f, Math& m, llvm::Value* quotient, llvm::Value* numerator,
                     llvm::Value* divisor, llvm::Value* divisor_low, llvm::Value* reciprocal) {
  llvm::Value* minus = f.b.CreateFNeg(quotient);
  llvm::Value* remainder = m.Fma(minus, divisor_low, m.Fma(minus, divisor, numerator));
  return m.Fma(remainder, reciprocal, quotient);
}

}  // namespace

// E = e^(2|x|) - 1 without cancellation. tanh|x| is E / (E + 2) up to 1/2, where 1 / (E + 2) = (1 -
// tanh|x|) / 2, and 1 - 2 / (E + 2) above.
llvm::Value* EmitTanh(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  auto& b = f.b;
  llvm::Value* magnitude = m.Clamp(m.Abs(x), 0, m.format().tanh_one);
  const auto reduced = m.ReduceExp(b.CreateFAdd(magnitude, magnitude));
  llvm::Value* scale = m.PowerOfTwo(reduced.n.integer);
  llvm::Value* e = m.Fma(scale, reduced.expm1_of_rest, b.CreateFSub(scale, m.C(1)));
  llvm::Value* large = b.CreateFCmpOGT(e, m.C(2));
  llvm::Value* numerator = b.CreateSelect(large, m.C(2), e);
  llvm::Value* divisor = b.CreateFAdd(e, m.C(2));
  llvm::Value* divisor_low = b.CreateFSub(e, b.CreateFSub(divisor, m.C(2)));  // exact up to e = 2
  llvm::Value* quotient = b.CreateFDiv(numerator, divisor);
  llvm::Value* reciprocal = m.Fma(quotient, m.C(-0.5), m.C(0.5));
  llvm::Value* refined = Refined(f, m, quotient, e, divisor, divisor_low, reciprocal);
  return m.CopySign(b.CreateSelect(large, b.CreateFSub(m.C(1), quotient), refined), x);
}

// With s = e^-|x| <= 1: 1 / (1 + s) for x >= 0, else s / (1 + s); nothing overflows.
llvm::Value* EmitSigmoid(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  auto& b = f.b;
  llvm::Value* s = m.ExpOfClamped(m.Clamp(b.CreateFNeg(m.Abs(x)), m.format().exp_low, 0));
  llvm::Value* positive = b.CreateFCmpOGE(x, m.C(0));
  llvm::Value* numerator = b.CreateSelect(positive, m.C(1), s);
  llvm::Value* divisor = b.CreateFAdd(s, m.C(1));
  llvm::Value* divisor_low = b.CreateFSub(s, b.CreateFSub(divisor, m.C(1)));
  llvm::Value* quotient = b.CreateFDiv(numerator, divisor);
  llvm::Value* reciprocal = b.CreateSelect(positive, quotient, b.CreateFSub(m.C(1), quotient));
  return Refined(f, m, quotient, numerator, divisor, divisor_low, reciprocal);
}

// ---- power -------------------------------------------------------------------------------------

namespace {

/// log of positive finite f64 x to about 2^-66.
DoubleDouble PreciseLog(FunctionEmitter& f, Math& m, llvm::Value* x) {
  auto& b = f.b;
  const auto [exponent, fraction] = Decompose(f, m, x);
  // s = fraction / (2 + fraction)
  llvm::Value* divisor = b.CreateFAdd(fraction, m.C(2));
  llvm::Value* divisor_low = b.CreateFSub(fraction, b.CreateFSub(divisor, m.C(2)));
  llvm::Value* s = b.CreateFDiv(fraction, divisor);
  llvm::Value* remainder = m.Fma(b.CreateFNeg(s), divisor, fraction);
  llvm::Value* s_low = b.CreateFDiv(m.Fma(b.CreateFNeg(s), divisor_low, remainder), divisor);
  // s^3 and 2/3 s^3
  llvm::Value* z = b.CreateFMul(s, s);
  llvm::Value* twice_s = b.CreateFAdd(s, s);
  llvm::Value* z_low = m.Fma(twice_s, s_low, m.Fma(s, s, b.CreateFNeg(z)));
  llvm::Value* cube = b.CreateFMul(s, z);
  llvm::Value* cube_low = m.Fma(s, z_low, m.Fma(s_low, z, m.Fma(s, z, b.CreateFNeg(cube))));
  constexpr double kTwoThirds = 2.0 / 3, kTwoThirdsLow = 3.7007434154171884681e-17;
  llvm::Value* term = b.CreateFMul(cube, m.C(kTwoThirds));
  llvm::Value* term_low =
      m.Fma(cube, m.C(kTwoThirdsLow),
            m.Fma(cube_low, m.C(kTwoThirds), m.Fma(cube, m.C(kTwoThirds), b.CreateFNeg(term))));
  llvm::Value* rest = b.CreateFMul(b.CreateFMul(cube, z), m.Polynomial(kLogTail64, z));

  const DoubleDouble first = TwoSum(b, b.CreateFMul(exponent, m.C(m.format().ln2_high)), twice_s);
  const DoubleDouble second = TwoSum(b, first.high, term);
  llvm::Value* low = b.CreateFAdd(b.CreateFAdd(first.low, second.low),
                                  m.Fma(s_low, m.C(2), b.CreateFAdd(term_low, rest)));
  low = m.Fma(exponent, m.C(m.format().ln2_low), low);
  return TwoSum(b, second.high, low);
}

/// |x|^y in f64 for finite x != 0.
llvm::Value* PowerOfMagnitude(FunctionEmitter& f, Math& m, llvm::Value* magnitude, llvm::Value* y) {
  auto& b = f.b;
  const DoubleDouble log = PreciseLog(f, m, magnitude);
  llvm::Value* product = b.CreateFMul(y, log.high);
  llvm::Value* product_low = m.Fma(y, log.low, m.Fma(y, log.high, b.CreateFNeg(product)));
  llvm::Value* clamped = m.Clamp(product, m.format().exp_low, m.format().exp_high);
  llvm::Value* inside = b.CreateFCmpOEQ(clamped, product);
  // e^(p + q) = e^p (1 + q): q is below an ulp of p.
  const Math::Reduced reduced = m.ReduceExp(clamped);
  llvm::Value* low = b.CreateSelect(inside, product_low, m.C(0));
  llvm::Value* tail =
      m.Fma(low, b.CreateFAdd(reduced.expm1_of_rest, m.C(1)), reduced.expm1_of_rest);
  llvm::Value* mantissa = b.CreateFAdd(tail, m.C(1));
  return m.Scaled(mantissa, reduced.n);
}

/// IEEE 754-2019, 9.2.1: the special cases of pow.
llvm::Value* EmitPow64(FunctionEmitter& f, llvm::Value* x, llvm::Value* y) {
  Math m(f, x);
  auto& b = f.b;
  llvm::Value* magnitude = m.Abs(x);
  llvm::Value* one = m.C(1);
  llvm::Value* zero = m.C(0);
  llvm::Value* result = PowerOfMagnitude(f, m, magnitude, y);

  llvm::Value* y_positive = b.CreateFCmpOGT(y, zero);
  llvm::Value* y_infinite = b.CreateFCmpOEQ(m.Abs(y), m.Infinity());
  llvm::Value* extreme =
      b.CreateOr(b.CreateFCmpOEQ(magnitude, zero), b.CreateFCmpOEQ(magnitude, m.Infinity()));
  extreme = b.CreateOr(extreme, y_infinite);
  // |x| above or below 1 together with y's sign decide between 0 and infinity.
  llvm::Value* grows = b.CreateICmpEQ(b.CreateFCmpOGT(magnitude, one), y_positive);
  result = b.CreateSelect(extreme, b.CreateSelect(grows, m.Infinity(), zero), result);
  result = b.CreateSelect(b.CreateFCmpOEQ(magnitude, one), one, result);

  llvm::Value* integral = b.CreateFCmpOEQ(m.Floor(y), y);
  llvm::Value* half = b.CreateFMul(y, m.C(0.5));
  llvm::Value* odd = b.CreateAnd(integral, b.CreateFCmpONE(m.Floor(half), half));
  result = b.CreateSelect(odd, m.CopySign(result, x), result);
  llvm::Value* undefined = b.CreateAnd(b.CreateFCmpOLT(x, zero), b.CreateNot(integral));
  undefined = b.CreateAnd(undefined, b.CreateFCmpONE(magnitude, m.Infinity()));
  result = b.CreateSelect(undefined, m.Nan(), result);
  result = b.CreateSelect(b.CreateFCmpUNO(x, y), m.Nan(), result);
  llvm::Value* trivial = b.CreateOr(b.CreateFCmpOEQ(x, one), b.CreateFCmpOEQ(y, zero));
  return b.CreateSelect(trivial, one, result);
}

}  // namespace

llvm::Value* EmitPow(FunctionEmitter& f, llvm::Value* x, llvm::Value* y) {
  llvm::Type* wide = f.Widen(f.b.getDoubleTy(), LaneCount(x));
  llvm::Value* result = EmitPow64(f, f.b.CreateFPCast(x, wide), f.b.CreateFPCast(y, wide));
  return f.b.CreateFPCast(result, x->getType());
}

}  // namespace descent
