// Building blocks of vector_math.cpp, trigonometry.cpp and error_function.cpp: the polynomials of
// each float format, and arithmetic on values of one type. Internal to compiler/codegen.
#pragma once

#include <llvm/IR/Intrinsics.h>

#include <numbers>
#include <span>

#include "compiler/codegen/function_emitter.h"
#include "compiler/codegen/fused_multiply_add.h"

namespace descent {

// ---- constants ---------------------------------------------------------------------------------
// Polynomials are weighted minimax fits (computed with 60 digits) on slightly widened intervals;
// the comment gives the relative error of the function they serve.

/// One row a float type: its layout, and the polynomials of that precision.
struct FloatFormat {
  int bits, mantissa_bits, bias;
  double round_magic;  ///< 1.5 * 2^mantissa_bits: adding it rounds to an integer in the low bits
  double ln2_high, ln2_low;
  double exp_low, exp_high;    ///< outside, exp is 0 or infinity
  double exp2_low, exp2_high;  ///< outside, exp2 is 0 or infinity
  double expm1_low;            ///< below, expm1 rounds to -1
  double tanh_one;             ///< from here on tanh rounds to 1
  double smallest_normal, denormal_scale;
  int denormal_shift;
  uint64_t sqrt_half_bits;
  std::span<const double> exp;             ///< (e^r - 1 - r) / r^2 for |r| <= ln2 / 2
  std::span<const double> sin;             ///< (sin r - r) / r^3 in r^2 for |r| <= pi / 4
  std::span<const double> cos;             ///< (cos r - 1 + r^2 / 2) / r^4 in r^2
  double quarter_pi_high, quarter_pi_low;  ///< multiples up to 4 of the high part are exact
  std::span<const double> atan;            ///< (atan q - q) / q^3 in q^2 for |q| <= tan(pi / 8)
  double erf_one, erfc_zero;               ///< from here on they round to 1 and 0
  std::span<const double> erf;             ///< erf(x) / x - 1 in x^2 for |x| <= 0.93
  std::span<const double> erf_tail;        ///< -log erfc(x) for 0.91 <= x <= erf_one
  std::span<const double> erfc;  ///< e^(x^2) erfc(x) (x + 3) in (x - 3) / (x + 3) for x >= 0.74
  double erfc_low;               ///< what rounding erfc[0] loses
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

inline constexpr double kAtan32[] = {-0.3333331523, 0.19998470002, -0.14243440204, 0.10592720098,
                                     -0.060745657662};  // 2^-30
inline constexpr double kAtan64[] = {
    -0.3333333333333333308,  0.199999999999998816,    -0.1428571428569504916,
    0.1111111110953601068,   -0.09090909014741406658, 0.07692305320722412003,
    -0.06666616634034240338, 0.05881616211611058868,  -0.0525547550168015204,
    0.04705084547679622085,  -0.04053164911948940903, 0.02956954757899141576,
    -0.01294019186140478683};  // 2^-68
inline constexpr double kErf32[] = {0.12837916658,   -0.37612633193,  0.11283687229,
                                    -0.026858942772, 5.1999082409e-3, -8.1300189342e-4,
                                    8.3167689914e-5};  // 2^-31
inline constexpr double kErf64[] = {
    0.1283791670955125724,    -0.3761263890318370315,   0.1128379167095244159,
    -0.02686617064455738457,  5.223977619087109979e-3,  -8.548326607147823257e-4,
    1.205531564487838992e-4,  -1.492517341283697442e-5, 1.645331827087379254e-6,
    -1.625784351333156882e-7, 1.395350798110048063e-8,  -8.272422545057705624e-10};  // 2^-59
inline constexpr double kErfTail32[] = {-1.7324095512e-4, 1.129508162,     0.63336023315,
                                        0.10826581416,    -0.025110447196, 4.1677465624e-3,
                                        -4.3379700979e-4, 2.1039057006e-5};  // 2^-34
inline constexpr double kErfTail64[] = {
    7.902205952906500749e-8,  1.128378330632302283,     0.63662384443134115,
    0.102760586036199766,     -0.0191047020188982958,   -2.415739118910456343e-4,
    1.725478382576306363e-3,  -6.032069918956325263e-4, 1.863895830316296271e-5,
    8.474836447640664744e-5,  -5.134313624124839009e-5, 1.871561256693345008e-5,
    -4.934628858745148803e-6, 9.813025431491709314e-7,  -1.471527063236424469e-7,
    1.621579444506902512e-8,  -1.242266280790451035e-9, 5.916196272011198446e-11,
    -1.31928155433445534e-12};  // 2^-58
inline constexpr double kErfc32[] = {
    1.0740069078,    -0.88339445038,   0.59022824689,   -0.31046736076, 0.11953046811,
    -0.026826145324, -1.2356117523e-3, 3.0278421934e-3, -4.6624847e-4,  -2.5616633406e-4};  // 2^-30
inline constexpr double kErfc64[] = {
    1.074006907088339703,     -0.8833944531698837557,   0.5902283571041016532,
    -0.310467261900548008,    0.119527761287296495,     -0.02682723462533791547,
    -1.21241662705079058e-3,  3.034062018324642983e-3,  -5.483097011350733126e-4,
    -2.767780301750601425e-4, 1.075616450091393349e-4,  3.039930929710015245e-5,
    -1.747190016254309931e-5, -4.753421756159640077e-6, 2.771709167720380094e-6,
    1.00732239167609749e-6,   -4.251122633856442072e-7, -2.401454922890734006e-7,
    7.1132643746190018e-8,    4.633218827911651302e-8,  -1.676479561405164736e-8};  // 2^-58

inline constexpr FloatFormat kF32 = {
    .bits = 32,
    .mantissa_bits = 23,
    .bias = 127,
    .round_magic = 0x1.8p23,
    .ln2_high = 0x1.63p-1,
    .ln2_low = -0x1.bd0105c610ca8p-13,
    .exp_low = -105,
    .exp_high = 89,
    .exp2_low = -151,
    .exp2_high = 129,
    .expm1_low = -18,
    .tanh_one = 9.2,
    .smallest_normal = 0x1p-126,
    .denormal_scale = 0x1p25,
    .denormal_shift = 25,
    .sqrt_half_bits = 0x3f3504f3,
    .exp = kExp32,
    .sin = kSin32,
    .cos = kCos32,
    .quarter_pi_high = 0x1.921fp-1,
    .quarter_pi_low = 0x1.6a8885a308d31p-18,
    .atan = kAtan32,
    .erf_one = 3.93,
    .erfc_zero = 10.5,
    .erf = kErf32,
    .erf_tail = kErfTail32,
    .erfc = kErfc32,
    .erfc_low = -7.2983e-9,
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
    .exp2_low = -1076,
    .exp2_high = 1025,
    .expm1_low = -40,
    .tanh_one = 20,
    .smallest_normal = 0x1p-1022,
    .denormal_scale = 0x1p54,
    .denormal_shift = 54,
    .sqrt_half_bits = 0x3fe6a09e667f3bcd,
    .exp = kExp64,
    .sin = kSin64,
    .cos = kCos64,
    .quarter_pi_high = 0x1.921fb54442d1p-1,
    .quarter_pi_low = 0x1.08d313198a2ep-50,
    .atan = kAtan64,
    .erf_one = 5.95,
    .erfc_zero = 27.4,
    .erf = kErf64,
    .erf_tail = kErfTail64,
    .erfc = kErfc64,
    .erfc_low = -8.8017e-17,
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
    return FusedMultiplyAdd(f_, x, y, z);
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

  /// A whole number, both as an integer and as a float.
  struct Whole {
    llvm::Value* integer;
    llvm::Value* rounded;
  };
  /// The nearest to a sum with round_magic.
  Whole WholeOf(llvm::Value* shifted) {
    return {b_.CreateSub(Bits(shifted), Bits(C(format_.round_magic))),
            b_.CreateFSub(shifted, C(format_.round_magic))};
  }

  struct Reduced {
    Whole n;
    llvm::Value* expm1_of_rest;  ///< e^r - 1 with x = n ln 2 + r, |r| <= ln 2 / 2
  };
  /// x must be so small that n fits an exponent's range.
  Reduced ReduceExp(llvm::Value* x) {
    llvm::Value* shifted = Fma(x, C(std::numbers::log2e), C(format_.round_magic));
    const Whole n = WholeOf(shifted);
    llvm::Value* r = Fma(n.rounded, C(-format_.ln2_high), x);
    r = Fma(n.rounded, C(-format_.ln2_low), r);
    return {n, Expm1OfSmall(r)};
  }

  /// e^r - 1 for |r| <= ln 2 / 2.
  llvm::Value* Expm1OfSmall(llvm::Value* r) {
    return Fma(b_.CreateFMul(r, r), Polynomial(format_.exp, r), r);
  }

  /// x 2^n, rounded once: n itself may lie outside the exponents of normal numbers.
  llvm::Value* Scaled(llvm::Value* x, const Whole& n) {
    if (llvm::Value* scaled = f_.ScaleExponent(x, n.rounded)) return scaled;
    llvm::Value* half = b_.CreateAShr(n.integer, I(1));
    llvm::Value* scaled = b_.CreateFMul(x, PowerOfTwo(half));
    return b_.CreateFMul(scaled, PowerOfTwo(b_.CreateSub(n.integer, half)));
  }

  /// e^x for x in [exp_low, exp_high]: results may be denormal, 0 or infinity.
  llvm::Value* ExpOfClamped(llvm::Value* x) {
    const Reduced reduced = ReduceExp(x);
    return Scaled(b_.CreateFAdd(reduced.expm1_of_rest, C(1)), reduced.n);
  }

 private:
  FunctionEmitter& f_;
  llvm::IRBuilder<>& b_;
  llvm::Type* type_;
  int lanes_;
  const FloatFormat& format_;
};

}  // namespace descent
