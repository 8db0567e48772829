// Trigonometric functions over the full range, and the angle of a point.
#include <algorithm>
#include <cmath>

#include "compiler/codegen/float_math.h"
#include "compiler/codegen/vector_math.h"

namespace descent {

namespace {

// pi / 2 = the sum of these, to 2^-161.
constexpr double kHalfPi[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};
constexpr double kLargeAngle = 0x1p28;
constexpr double kTanEighthPi = std::numbers::sqrt2 - 1;

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

/// The same of x in f32 or f64. f32 is reduced in f64, so that one reduction serves both.
ReducedAngle ReduceAngleOfAny(FunctionEmitter& f, Math& m, llvm::Value* x) {
  llvm::Value* wide_x = f.b.CreateFPCast(x, f.Widen(f.b.getDoubleTy(), m.lanes()));
  Math wide(f, wide_x);
  const ReducedAngle angle = ReduceAngle(f, wide, wide_x);
  return {f.b.CreateTrunc(angle.quadrant, m.int_type()), f.b.CreateFPCast(angle.r, m.type())};
}

/// sin(x + quarters * pi / 2)
llvm::Value* EmitSine(FunctionEmitter& f, llvm::Value* x, int quarters) {
  Math m(f, x);
  auto& b = f.b;
  const auto [reduced_quadrant, r] = ReduceAngleOfAny(f, m, x);
  llvm::Value* quadrant = b.CreateAdd(reduced_quadrant, m.I(quarters));

  llvm::Value* z = b.CreateFMul(r, r);
  llvm::Value* sine = m.Fma(b.CreateFMul(r, z), m.Polynomial(m.format().sin, z), r);
  llvm::Value* cosine =
      m.Fma(b.CreateFMul(z, z), m.Polynomial(m.format().cos, z), m.Fma(z, m.C(-0.5), m.C(1)));
  llvm::Value* odd = b.CreateICmpNE(b.CreateAnd(quadrant, m.I(1)), m.I(0));
  llvm::Value* result = b.CreateSelect(odd, cosine, sine);
  llvm::Value* sign = b.CreateShl(b.CreateAnd(quadrant, m.I(2)), m.I(m.format().bits - 2));
  return m.FromBits(b.CreateXor(m.Bits(result), sign));
}

/// A sum of a float and a smaller one.
struct TwoParts {
  llvm::Value* high;
  llvm::Value* low;
};

/// high + low with a high part that is the rounded sum; |high| >= |low|.
TwoParts Normalized(FunctionEmitter& f, llvm::Value* high, llvm::Value* low) {
  llvm::Value* sum = f.b.CreateFAdd(high, low);
  return {sum, f.b.CreateFSub(low, f.b.CreateFSub(sum, high))};
}

}  // namespace

llvm::Value* EmitSin(FunctionEmitter& f, llvm::Value* x) {
  llvm::Value* zero = f.b.CreateFCmpOEQ(x, llvm::ConstantFP::get(x->getType(), 0));
  return f.b.CreateSelect(zero, x, EmitSine(f, x, 0));  // keeps -0
}

llvm::Value* EmitCos(FunctionEmitter& f, llvm::Value* x) { return EmitSine(f, x, 1); }

// sin r / cos r or -cos r / sin r, each as r or 1 and a smaller part; the quotient's remainder
// makes up for the roundings of both sums and its own.
llvm::Value* EmitTan(FunctionEmitter& f, llvm::Value* x) {
  Math m(f, x);
  auto& b = f.b;
  const auto [quadrant, r] = ReduceAngleOfAny(f, m, x);
  llvm::Value* z = b.CreateFMul(r, r);
  llvm::Value* sine_low = b.CreateFMul(b.CreateFMul(r, z), m.Polynomial(m.format().sin, z));
  llvm::Value* cosine_low =
      m.Fma(b.CreateFMul(z, z), m.Polynomial(m.format().cos, z), b.CreateFMul(z, m.C(-0.5)));
  const TwoParts sine = Normalized(f, r, sine_low);
  const TwoParts cosine = Normalized(f, m.C(1), cosine_low);

  llvm::Value* odd = b.CreateICmpNE(b.CreateAnd(quadrant, m.I(1)), m.I(0));
  llvm::Value* numerator = b.CreateSelect(odd, b.CreateFNeg(cosine.high), sine.high);
  llvm::Value* numerator_low = b.CreateSelect(odd, b.CreateFNeg(cosine.low), sine.low);
  llvm::Value* divisor = b.CreateSelect(odd, sine.high, cosine.high);
  llvm::Value* divisor_low = b.CreateSelect(odd, sine.low, cosine.low);
  llvm::Value* quotient = b.CreateFDiv(numerator, divisor);
  llvm::Value* minus = b.CreateFNeg(quotient);
  llvm::Value* remainder =
      b.CreateFAdd(m.Fma(minus, divisor, numerator), m.Fma(minus, divisor_low, numerator_low));
  llvm::Value* tangent = b.CreateFAdd(quotient, b.CreateFDiv(remainder, divisor));
  return b.CreateSelect(b.CreateFCmpOEQ(x, m.C(0)), x, tangent);  // keeps -0
}

// With a <= b the magnitudes of x and y in order: a / b = tan(k pi / 4 + atan q) for q = a / b and
// k = 0, or q = (a - b) / (a + b) and k = 1 where a / b is above tan(pi / 8). Mirrored at the
// diagonal and at the y-axis it becomes the angle of the point.
llvm::Value* EmitAtan2(FunctionEmitter& f, llvm::Value* y, llvm::Value* x) {
  Math m(f, x);
  auto& b = f.b;
  llvm::Value* x_magnitude = m.Abs(x);
  llvm::Value* y_magnitude = m.Abs(y);
  llvm::Value* steep = b.CreateFCmpOGT(y_magnitude, x_magnitude);
  llvm::Value* small = b.CreateSelect(steep, x_magnitude, y_magnitude);
  llvm::Value* large = b.CreateSelect(steep, y_magnitude, x_magnitude);
  // Neither a + b nor infinity / infinity may spoil the quotient.
  llvm::Value* huge = b.CreateFCmpOGE(large, m.C(std::ldexp(1.0, m.format().bias - 2)));
  llvm::Value* infinite = b.CreateFCmpOEQ(small, m.Infinity());
  small = b.CreateSelect(huge, b.CreateFMul(small, m.C(0.25)), small);
  large = b.CreateSelect(huge, b.CreateFMul(large, m.C(0.25)), large);
  small = b.CreateSelect(infinite, m.C(1), small);
  large = b.CreateSelect(infinite, m.C(1), large);

  llvm::Value* diagonal = b.CreateFCmpOGT(small, b.CreateFMul(large, m.C(kTanEighthPi)));
  llvm::Value* numerator = b.CreateSelect(diagonal, b.CreateFSub(small, large), small);
  llvm::Value* divisor = b.CreateSelect(diagonal, b.CreateFAdd(small, large), large);
  llvm::Value* q = f.Quotient(numerator, divisor);
  q = b.CreateSelect(b.CreateFCmpOEQ(large, m.C(0)), m.C(0), q);
  llvm::Value* z = b.CreateFMul(q, q);
  llvm::Value* angle = m.Fma(b.CreateFMul(q, z), m.Polynomial(m.format().atan, z), q);

  llvm::Value* quarters = b.CreateSelect(diagonal, m.C(1), m.C(0));
  quarters = b.CreateSelect(steep, b.CreateFSub(m.C(2), quarters), quarters);
  llvm::Value* left = b.CreateICmpSLT(m.Bits(x), m.I(0));
  quarters = b.CreateSelect(left, b.CreateFSub(m.C(4), quarters), quarters);
  angle = b.CreateSelect(b.CreateXor(steep, left), b.CreateFNeg(angle), angle);
  angle = m.Fma(quarters, m.C(m.format().quarter_pi_high),
                m.Fma(quarters, m.C(m.format().quarter_pi_low), angle));
  return b.CreateSelect(b.CreateFCmpUNO(x, y), m.Nan(), m.CopySign(angle, y));
}

}  // namespace descent
