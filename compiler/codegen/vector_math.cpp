#include "compiler/codegen/vector_math.h"

#include <llvm/IR/Intrinsics.h>

#include <algorithm>
#include <limits>
#include <numbers>
#include <span>

namespace descent {
namespace {

// ---- constants ---------------------------------------------------------------------------------
// Polynomials are weighted minimax fits (computed with 60 digits) on slightly widened intervals;
// the comment gives the relative error of the function they serve.

/// One row a float type: its layout, and the polynomials of that precision.
struct FloatFormat {
  int bits, mantissa_bits, bias;
  double round_magic;  ///< 1.5 * 2^mantissa_bits: adding it rounds to an integer in the low bits
  double ln2_high, ln2_low;
  double exp_low, exp_high;  ///< outside, exp is 0 or infinity
  double tanh_one;           ///< from here on tanh rounds to 1
  double smallest_normal, denormal_scale;
  int denormal_shift;
  uint64_t sqrt_half_bits;
  std::span<const double> exp;  ///< (e^r - 1 - r) / r^2 for |r| <= ln2 / 2
  std::span<const double> sin;  ///< (sin r - r) / r^3 in r^2 for |r| <= pi / 4
  std::span<const double> cos;  ///< (cos r - 1 + r^2 / 2) / r^4 in r^2
};

constexpr double kExp32[] = {0.4999999296, 0.1666651478, 0.04166848653, 0.008369409285,
                             0.001381128018};  // 2^-28
constexpr double kExp64[] = {
    0.500000000000000005,     0.166666666666666851,   0.041666666666666038,
    0.00833333333331574012,   0.00138888888891327581, 0.00019841269899630287,
    0.0000248015869062618009, 2.75572315807732803e-6, 2.75575907698434154e-7,
    2.51131919908658361e-8,   2.0825989911043964e-9};  // 2^-63
// (log(1+f) - f + f^2/2) / f^3 for sqrt(1/2) <= 1+f <= sqrt(2): 2^-30
constexpr double kLog32[] = {0.3333331261,  -0.2500001017, 0.2000212128,
                             -0.1666797043, 0.1421942059,  -0.1240582422,
                             0.1188966494,  -0.1167565215, 0.06743297246};
// (log((1+s)/(1-s)) - 2s) / s^3 in s^2, s = f / (2 + f): 2^-66
constexpr double kLog64[] = {0.66666666666666661,  0.400000000000062458, 0.285714285690856764,
                             0.222222226469598156, 0.181817756416160796, 0.153870922451178765,
                             0.13250075548320106,  0.132517901008500646};
// (log((1+s)/(1-s)) - 2s - 2/3 s^3) / s^5 in s^2: 2^-73
constexpr double kLogTail64[] = {0.399999999999999774, 0.285714285714451709, 0.222222222175191577,
                                 0.18181818872630714,  0.153845567048031145, 0.133363240325300544,
                                 0.116746808795205212, 0.119901820013599946};
constexpr double kSin32[] = {-0.1666666664, 0.008333329156, -0.0001983926047, 2.717598895e-6};
constexpr double kCos32[] = {0.04166666662, -0.001388888343, 2.479943438e-5, -2.720316224e-7};
constexpr double kSin64[] = {-0.166666666666666666,    0.00833333333333332156,
                             -0.000198412698412536691, 2.75573192134538447e-6,
                             -2.50521047169938812e-8,  1.60583415171021314e-10,
                             -7.57743873466652688e-13};
constexpr double kCos64[] = {0.0416666666666666666,    -0.00138888888888888724,
                             0.0000248015873015699346, -2.7557319214700589e-7,
                             2.08767542131753772e-9,   -1.14702758176396576e-11,
                             4.73731854388586408e-14};

constexpr FloatFormat kF32 = {
    .bits = 32,
    .mantissa_bits = 23,
    .bias = 127,
    .round_magic = 0x1.8p23,
    .ln2_high = 0x1.63p-1,
    .ln2_low = -0x1.bd0105c610ca8p-13,
    .exp_low = -105,
    .exp_high = 89,
    .tanh_one = 9.2,
    .smallest_normal = 0x1p-126,
    .denormal_scale = 0x1p25,
    .denormal_shift = 25,
    .sqrt_half_bits = 0x3f3504f3,
    .exp = kExp32,
    .sin = kSin32,
    .cos = kCos32,
};
constexpr FloatFormat kF64 = {
    .bits = 64,
    .mantissa_bits = 52,
    .bias = 1023,
    .round_magic = 0x1.8p52,
    .ln2_high = 0x1.62e42feep-1,
    .ln2_low = 0x1.a39ef35793c76p-33,
    .exp_low = -746,
    .exp_high = 710,
    .tanh_one = 20,
    .smallest_normal = 0x1p-1022,
    .denormal_scale = 0x1p54,
    .denormal_shift = 54,
    .sqrt_half_bits = 0x3fe6a09e667f3bcd,
    .exp = kExp64,
    .sin = kSin64,
    .cos = kCos64,
};

// ---- building blocks ---------------------------------------------------------------------------

/// Arithmetic on values of the type of one example value.
class Math {
 public:
  Math(FunctionEmitter& f, llvm::Value* like)
      : f_(f),
        b_(f.b),
        type_(like->getType()),
        lanes_(LaneCount(like)),
        format_(type_->getScalarType()->isFloatTy() ? kF32 : kF64) {}

  const FloatFormat& format() const { return format_; }
  int lanes() const { return lanes_; }
  llvm::Type* type() const { return type_; }
  llvm::Type* int_type() const { return f_.Widen(b_.getIntNTy(format_.bits), lanes_); }

  llvm::Value* C(double value) { return llvm::ConstantFP::get(type_, value); }
  llvm::Value* I(uint64_t value) { return llvm::ConstantInt::get(int_type(), value); }
  llvm::Value* Nan() { return llvm::ConstantFP::getNaN(type_); }
  llvm::Value* Infinity(bool negative = false) {
    return llvm::ConstantFP::getInfinity(type_, negative);
  }

  llvm::Value* Fma(llvm::Value* x, llvm::Value* y, llvm::Value* z) {
    return b_.CreateIntrinsic(llvm::Intrinsic::fma, {type_}, {x, y, z});
  }
  llvm::Value* Abs(llvm::Value* x) { return b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x); }
  llvm::Value* Floor(llvm::Value* x) { return b_.CreateUnaryIntrinsic(llvm::Intrinsic::floor, x); }
  llvm::Value* CopySign(llvm::Value* x, llvm::Value* sign) {
    return b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, x, sign);
  }
  llvm::Value* Bits(llvm::Value* x) { return b_.CreateBitCast(x, int_type()); }
  llvm::Value* FromBits(llvm::Value* x) { return b_.CreateBitCast(x, type_); }
  llvm::Value* ToInt(llvm::Value* x) { return b_.CreateFPToSI(x, int_type()); }
  llvm::Value* ToFloat(llvm::Value* n) { return b_.CreateSIToFP(n, type_); }

  /// coefficients[0] + coefficients[1] * x + ...
  llvm::Value* Polynomial(std::span<const double> coefficients, llvm::Value* x) {
    llvm::Value* sum = C(coefficients.back());
    for (size_t i = coefficients.size() - 1; i-- > 0;) sum = Fma(sum, x, C(coefficients[i]));
    return sum;
  }

  /// x limited to [low, high]; NaN stays.
  llvm::Value* Clamp(llvm::Value* x, double low, double high) {
    x = b_.CreateSelect(b_.CreateFCmpOLT(x, C(low)), C(low), x);
    return b_.CreateSelect(b_.CreateFCmpOGT(x, C(high)), C(high), x);
  }

  /// 2^n for n in the range of normal exponents.
  llvm::Value* PowerOfTwo(llvm::Value* n) {
    return FromBits(b_.CreateShl(b_.CreateAdd(n, I(format_.bias)), I(format_.mantissa_bits)));
  }

  struct Reduced {
    llvm::Value* n;              ///< integer
    llvm::Value* expm1_of_rest;  ///< e^r - 1 with x = n ln 2 + r, |r| <= ln 2 / 2
  };
  /// x must be so small that n fits an exponent's range.
  Reduced ReduceExp(llvm::Value* x) {
    llvm::Value* shifted = Fma(x, C(std::numbers::log2e), C(format_.round_magic));
    llvm::Value* n = b_.CreateSub(Bits(shifted), Bits(C(format_.round_magic)));
    llvm::Value* rounded = b_.CreateFSub(shifted, C(format_.round_magic));
    llvm::Value* r = Fma(rounded, C(-format_.ln2_high), x);
    r = Fma(rounded, C(-format_.ln2_low), r);
    llvm::Value* p = Polynomial(format_.exp, r);
    return {n, Fma(b_.CreateFMul(r, r), p, r)};
  }

  /// e^x for x in [exp_low, exp_high]: results may be denormal, 0 or infinity.
  llvm::Value* ExpOfClamped(llvm::Value* x) {
    const Reduced reduced = ReduceExp(x);
    llvm::Value* mantissa = b_.CreateFAdd(reduced.expm1_of_rest, C(1));
    // Two exact steps and one rounding: n itself may lie outside the exponents of normal numbers.
    llvm::Value* half = b_.CreateAShr(reduced.n, I(1));
    llvm::Value* scaled = b_.CreateFMul(mantissa, PowerOfTwo(half));
    return b_.CreateFMul(scaled, PowerOfTwo(b_.CreateSub(reduced.n, half)));
  }

 private:
  FunctionEmitter& f_;
  llvm::IRBuilder<>& b_;
  llvm::Type* type_;
  int lanes_;
  const FloatFormat& format_;
};

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

/// log of positive finite x.
llvm::Value* LogOfPositive(FunctionEmitter& f, Math& m, llvm::Value* x) {
  auto& b = f.b;
  const auto [exponent, fraction] = Decompose(f, m, x);
  llvm::Value* square = b.CreateFMul(fraction, fraction);
  llvm::Value* tail;  // log(1 + f) - f
  if (m.format().bits == 32) {
    llvm::Value* p = m.Polynomial(kLog32, fraction);
    tail = b.CreateFMul(b.CreateFMul(fraction, square), p);
    tail = m.Fma(exponent, m.C(m.format().ln2_low), tail);
    tail = m.Fma(square, m.C(-0.5), tail);
  } else {
    llvm::Value* s = b.CreateFDiv(fraction, b.CreateFAdd(fraction, m.C(2)));
    llvm::Value* z = b.CreateFMul(s, s);
    llvm::Value* r = b.CreateFMul(z, m.Polynomial(kLog64, z));
    llvm::Value* half_square = b.CreateFMul(square, m.C(0.5));
    tail = m.Fma(s, b.CreateFAdd(half_square, r), b.CreateFMul(exponent, m.C(m.format().ln2_low)));
    tail = b.CreateFSub(tail, half_square);
  }
  return m.Fma(exponent, m.C(m.format().ln2_high), b.CreateFAdd(fraction, tail));
}

}  // namespace

llvm::Value* EmitExp(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  return m.ExpOfClamped(m.Clamp(x, m.format().exp_low, m.format().exp_high));
}

llvm::Value* EmitLog(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  auto& b = f.b;
  llvm::Value* result = LogOfPositive(f, m, x);
  result = b.CreateSelect(b.CreateFCmpOEQ(x, m.Infinity()), x, result);
  result = b.CreateSelect(b.CreateFCmpOEQ(x, m.C(0)), m.Infinity(true), result);
  return b.CreateSelect(b.CreateFCmpULT(x, m.C(0)), m.Nan(), result);
}

namespace {

/// An unevaluated sum, high being the nearest float to it.
struct DoubleDouble {
  llvm::Value* high;
  llvm::Value* low;
};

/// a + b exactly. D. Knuth, The Art of Computer Programming 2, 4.2.2.
DoubleDouble TwoSum(llvm::IRBuilder<>& b, llvm::Value* x, llvm::Value* y) {
  llvm::Value* sum = b.CreateFAdd(x, y);
  llvm::Value* y_part = b.CreateFSub(sum, x);
  llvm::Value* x_part = b.CreateFSub(sum, y_part);
  return {sum, b.CreateFAdd(b.CreateFSub(x, x_part), b.CreateFSub(y, y_part))};
}

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
  llvm::Value* scale = m.PowerOfTwo(reduced.n);
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

// ---- sine and cosine ---------------------------------------------------------------------------

namespace {

// pi / 2 = the sum of these, to 2^-161.
constexpr double kHalfPi[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};
constexpr double kLargeAngle = 0x1p28;

// The first 1280 fraction bits of 2 / pi, most significant word first.
constexpr uint64_t kTwoOverPi[] = {
    0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
    0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
    0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d};

/// 2 / pi as bytes, least significant first, below 64 zero bits of integer part.
llvm::GlobalVariable* TwoOverPiBytes(llvm::Module& module) {
  constexpr const char* kName = "descent.two_over_pi";
  if (auto* known = module.getGlobalVariable(kName, true)) return known;
  constexpr size_t kMargin = 4;  // words around the known bits, so that windows never run out
  std::vector<uint64_t> words(std::size(kTwoOverPi) + 2 * kMargin);
  std::reverse_copy(std::begin(kTwoOverPi), std::end(kTwoOverPi), words.begin() + kMargin);
  auto* data = llvm::ConstantDataArray::get(module.getContext(), words);
  auto* global = new llvm::GlobalVariable(module, data->getType(), true,
                                          llvm::GlobalValue::PrivateLinkage, data, kName);
  global->setAlignment(llvm::Align(16));
  return global;
}

/// double r, i64 n = reduce(double x): x = n pi / 2 + r modulo 2 pi, |r| <= pi / 4, for finite |x|
/// >= 2. M. Payne and R. Hanek, Radian reduction for trigonometric functions, 1983: x = m 2^e with
/// a 53-bit integer m, so only the 192 bits of 2 / pi from weight 2^(2 - e) down matter.
llvm::Function* LargeAngleReduction(FunctionEmitter& outer) {
  constexpr const char* kName = "descent.reduce_large_angle";
  llvm::Module& module = outer.module();
  if (llvm::Function* known = module.getFunction(kName)) return known;
  auto& context = module.getContext();
  auto* f64 = llvm::Type::getDoubleTy(context);
  auto* i64 = llvm::Type::getInt64Ty(context);
  auto* result = llvm::StructType::get(f64, i64);
  auto* function = llvm::Function::Create(llvm::FunctionType::get(result, {f64}, false),
                                          llvm::GlobalValue::InternalLinkage, kName, module);
  function->addFnAttr(llvm::Attribute::NoInline);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  FunctionEmitter f(module, outer.target(), function);
  auto& b = f.b;
  auto* wide = b.getIntNTy(192);
  auto* window_type = b.getIntNTy(256);

  llvm::Value* bits = b.CreateBitCast(function->getArg(0), i64);
  llvm::Value* biased = b.CreateAnd(b.CreateLShr(bits, 52), b.getInt64(0x7ff));
  llvm::Value* mantissa = b.CreateOr(b.CreateAnd(bits, b.getInt64((uint64_t{1} << 52) - 1)),
                                     b.getInt64(uint64_t{1} << 52));
  // x = mantissa * 2^(biased - 1075). The stored integer is 2/pi * 2^(1280 + 256); dropping its low
  // `low_bit` bits leaves units of 2^-190 quarter turns after multiplication by 2^(biased - 1075).
  llvm::Value* low_bit = b.CreateSub(b.getInt64(1280 + 256 - 190 + 1075), biased);
  llvm::Value* byte = b.CreateLShr(low_bit, 3);
  llvm::Value* address = b.CreateGEP(b.getInt8Ty(), TwoOverPiBytes(module), byte);
  llvm::Value* window = b.CreateAlignedLoad(window_type, address, llvm::Align(1));
  window = b.CreateLShr(window, b.CreateZExt(b.CreateAnd(low_bit, b.getInt64(7)), window_type));
  llvm::Value* turns = b.CreateMul(b.CreateTrunc(window, wide), b.CreateZExt(mantissa, wide));

  auto wide_constant = [&](int bit) {
    return llvm::ConstantInt::get(wide, llvm::APInt::getOneBitSet(192, bit));
  };
  llvm::Value* quadrant = b.CreateTrunc(
      b.CreateLShr(b.CreateAdd(turns, wide_constant(189)), llvm::ConstantInt::get(wide, 190)), i64);
  llvm::Value* fraction = b.CreateShl(turns, llvm::ConstantInt::get(wide, 2));  // signed, / 2^192
  llvm::Value* negative = b.CreateICmpSLT(fraction, llvm::ConstantInt::get(wide, 0));
  llvm::Value* magnitude = b.CreateSelect(negative, b.CreateNeg(fraction), fraction);
  llvm::Value* zeros = b.CreateIntrinsic(llvm::Intrinsic::ctlz, {wide}, {magnitude, b.getFalse()});
  zeros = b.CreateSelect(b.CreateICmpUGT(zeros, llvm::ConstantInt::get(wide, 120)),
                         llvm::ConstantInt::get(wide, 120), zeros);
  llvm::Value* top = b.CreateTrunc(
      b.CreateLShr(b.CreateShl(magnitude, zeros), llvm::ConstantInt::get(wide, 192 - 62)), i64);
  llvm::Value* scale_bits =
      b.CreateShl(b.CreateSub(b.getInt64(1023 - 62), b.CreateTrunc(zeros, i64)), b.getInt64(52));
  llvm::Value* r = b.CreateFMul(b.CreateSIToFP(top, f64), b.CreateBitCast(scale_bits, f64));
  r = b.CreateFMul(r, llvm::ConstantFP::get(f64, kHalfPi[0]));
  r = b.CreateSelect(negative, b.CreateFNeg(r), r);
  // -x reduces to the negatives.
  llvm::Value* minus = b.CreateICmpSLT(bits, b.getInt64(0));
  llvm::Value* pair = b.CreateInsertValue(llvm::PoisonValue::get(result),
                                          b.CreateSelect(minus, b.CreateFNeg(r), r), 0);
  b.CreateRet(b.CreateInsertValue(pair, b.CreateSelect(minus, b.CreateNeg(quadrant), quadrant), 1));
  return function;
}

struct ReducedAngle {
  llvm::Value* quadrant;  ///< i64, modulo 4
  llvm::Value* r;         ///< f64
};

/// Any f64 x; infinities and NaN give NaN.
ReducedAngle ReduceAngle(FunctionEmitter& f, Math& m, llvm::Value* x) {
  auto& b = f.b;
  llvm::Value* shifted = m.Fma(x, m.C(2 / std::numbers::pi), m.C(m.format().round_magic));
  llvm::Value* rounded = b.CreateFSub(shifted, m.C(m.format().round_magic));
  llvm::Value* r = x;
  for (double part : kHalfPi) r = m.Fma(rounded, m.C(-part), r);
  llvm::Value* quadrant = b.CreateSub(m.Bits(shifted), m.Bits(m.C(m.format().round_magic)));

  llvm::Value* magnitude = m.Abs(x);
  llvm::Value* large = b.CreateAnd(b.CreateFCmpOGE(magnitude, m.C(kLargeAngle)),
                                   b.CreateFCmpOLT(magnitude, m.Infinity()));
  llvm::AllocaInst* r_variable = f.Variable(m.type());
  llvm::AllocaInst* quadrant_variable = f.Variable(m.int_type());
  b.CreateStore(b.CreateSelect(b.CreateFCmpOEQ(magnitude, m.Infinity()), m.Nan(), r), r_variable);
  b.CreateStore(quadrant, quadrant_variable);
  f.If(
      f.Any(large),
      [&] {
        llvm::Function* reduce = LargeAngleReduction(f);
        llvm::Value* exact_r = r;
        llvm::Value* exact_quadrant = quadrant;
        for (int lane = 0; lane < m.lanes(); ++lane) {
          llvm::Value* safe = b.CreateSelect(f.Lane(large, lane), f.Lane(x, lane),
                                             llvm::ConstantFP::get(b.getDoubleTy(), kLargeAngle));
          llvm::Value* pair = b.CreateCall(reduce, {safe});
          llvm::Value* lane_r = b.CreateExtractValue(pair, 0);
          llvm::Value* lane_quadrant = b.CreateExtractValue(pair, 1);
          exact_r = m.lanes() == 1 ? lane_r : b.CreateInsertElement(exact_r, lane_r, lane);
          exact_quadrant = m.lanes() == 1
                               ? lane_quadrant
                               : b.CreateInsertElement(exact_quadrant, lane_quadrant, lane);
        }
        b.CreateStore(b.CreateSelect(large, exact_r, b.CreateLoad(m.type(), r_variable)),
                      r_variable);
        b.CreateStore(b.CreateSelect(large, exact_quadrant, quadrant), quadrant_variable);
      },
      /*unlikely=*/true);
  return {b.CreateLoad(m.int_type(), quadrant_variable), b.CreateLoad(m.type(), r_variable)};
}

/// sin(x + quarters * pi / 2). f32 is reduced in f64, so that one reduction serves both.
llvm::Value* EmitSine(FunctionEmitter& f, llvm::Value* x, int quarters) {
  Math m(f, x);
  auto& b = f.b;
  llvm::Value* wide_x = b.CreateFPCast(x, f.Widen(b.getDoubleTy(), m.lanes()));
  Math wide(f, wide_x);
  const ReducedAngle angle = ReduceAngle(f, wide, wide_x);
  llvm::Value* r = b.CreateFPCast(angle.r, m.type());
  llvm::Value* quadrant = b.CreateAdd(b.CreateTrunc(angle.quadrant, m.int_type()), m.I(quarters));

  llvm::Value* z = b.CreateFMul(r, r);
  llvm::Value* sine = m.Fma(b.CreateFMul(r, z), m.Polynomial(m.format().sin, z), r);
  llvm::Value* cosine =
      m.Fma(b.CreateFMul(z, z), m.Polynomial(m.format().cos, z), m.Fma(z, m.C(-0.5), m.C(1)));
  llvm::Value* odd = b.CreateICmpNE(b.CreateAnd(quadrant, m.I(1)), m.I(0));
  llvm::Value* result = b.CreateSelect(odd, cosine, sine);
  llvm::Value* sign = b.CreateShl(b.CreateAnd(quadrant, m.I(2)), m.I(m.format().bits - 2));
  return m.FromBits(b.CreateXor(m.Bits(result), sign));
}

}  // namespace

llvm::Value* EmitSin(FunctionEmitter& f, llvm::Value* x) {
  llvm::Value* zero = f.b.CreateFCmpOEQ(x, llvm::ConstantFP::get(x->getType(), 0));
  return f.b.CreateSelect(zero, x, EmitSine(f, x, 0));  // keeps -0
}

llvm::Value* EmitCos(FunctionEmitter& f, llvm::Value* x) { return EmitSine(f, x, 1); }

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
  llvm::Value* half = b.CreateAShr(reduced.n, m.I(1));
  llvm::Value* scaled = b.CreateFMul(mantissa, m.PowerOfTwo(half));
  return b.CreateFMul(scaled, m.PowerOfTwo(b.CreateSub(reduced.n, half)));
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
