// Building blocks of vector_math.cpp and trigonometry.cpp: the polynomials of each float format,
// and arithmetic on values of one type. Internal to compiler/codegen.
#pragma once

#include <llvm/IR/Intrinsics.h>

#include <span>

#include "compiler/codegen/function_emitter.h"

namespace descent {

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

inline constexpr double kExp32[] = {0.4999999296, 0.1666651478, 0.04166848653, 0.008369409285,
                                    0.001381128018};  // 2^-28
inline constexpr double kExp64[] = {
    0.500000000000000005,     0.166666666666666851,   0.041666666666666038,
    0.00833333333331574012,   0.00138888888891327581, 0.00019841269899630287,
    0.0000248015869062618009, 2.75572315807732803e-6, 2.75575907698434154e-7,
    2.51131919908658361e-8,   2.0825989911043964e-9};  // 2^-63
// (log(1+f) - f + f^2/2) / f^3 for sqrt(1/2) <= 1+f <= sqrt(2): 2^-30
inline constexpr double kLog32[] = {0.3333331261,  -0.2500001017, 0.2000212128,
                                    -0.1666797043, 0.1421942059,  -0.1240582422,
                                    0.1188966494,  -0.1167565215, 0.06743297246};
// (log((1+s)/(1-s)) - 2s) / s^3 in s^2, s = f / (2 + f): 2^-66
inline constexpr double kLog64[] = {
    0.66666666666666661,  0.400000000000062458, 0.285714285690856764, 0.222222226469598156,
    0.181817756416160796, 0.153870922451178765, 0.13250075548320106,  0.132517901008500646};
// (log((1+s)/(1-s)) - 2s - 2/3 s^3) / s^5 in s^2: 2^-73
inline constexpr double kLogTail64[] = {
    0.399999999999999774, 0.285714285714451709, 0.222222222175191577, 0.18181818872630714,
    0.153845567048031145, 0.133363240325300544, 0.116746808795205212, 0.119901820013599946};
inline constexpr double kSin32[] = {-0.1666666664, 0.008333329156, -0.0001983926047,
                                    2.717598895e-6};
inline constexpr double kCos32[] = {0.04166666662, -0.001388888343, 2.479943438e-5,
                                    -2.720316224e-7};
inline constexpr double kSin64[] = {-0.166666666666666666,    0.00833333333333332156,
                                    -0.000198412698412536691, 2.75573192134538447e-6,
                                    -2.50521047169938812e-8,  1.60583415171021314e-10,
                                    -7.57743873466652688e-13};
inline constexpr double kCos64[] = {0.0416666666666666666,    -0.00138888888888888724,
                                    0.0000248015873015699346, -2.7557319214700589e-7,
                                    2.08767542131753772e-9,   -1.14702758176396576e-11,
                                    4.73731854388586408e-14};

inline constexpr FloatFormat kF32 = {
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
inline constexpr FloatFormat kF64 = {
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

}  // namespace descent
