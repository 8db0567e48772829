// The exact remainder of a division of floats.
#include "compiler/codegen/float_math.h"
#include "compiler/codegen/vector_math.h"

namespace descent {
namespace {

constexpr uint64_t kQuotientBits = 51;  ///< a quotient below 2^52 loses no integer bit

/// Biased exponent of a positive finite f64 as if denormals were normal: an i64 down to -52.
llvm::Value* BiasedExponent(FunctionEmitter& f, Math& m, llvm::Value* x) {
  auto& b = f.b;
  const FloatFormat& format = m.format();
  llvm::Value* tiny = b.CreateFCmpOLT(x, m.C(format.smallest_normal));
  llvm::Value* normal = b.CreateSelect(tiny, b.CreateFMul(x, m.C(format.denormal_scale)), x);
  llvm::Value* exponent = b.CreateLShr(m.Bits(normal), m.I(format.mantissa_bits));
  return b.CreateSub(exponent, b.CreateSelect(tiny, m.I(format.denormal_shift), m.I(0)));
}

/// r - trunc(r / s) s for r = `rest` >= s = divisor 2^k, the largest such s that keeps the quotient
/// below 2^52. The rounded quotient may be one too large; all that follows is exact, because every
/// intermediate result is a multiple of s's last place and at most s in magnitude.
llvm::Value* ReduceOnce(FunctionEmitter& f, Math& m, llvm::Value* rest, llvm::Value* divisor,
                        llvm::Value* divisor_exponent) {
  auto& b = f.b;
  llvm::Value* gap = b.CreateSub(BiasedExponent(f, m, rest), divisor_exponent);
  llvm::Value* k = b.CreateSub(gap, m.I(kQuotientBits));
  k = b.CreateSelect(b.CreateICmpSGT(k, m.I(0)), k, m.I(0));
  llvm::Value* scaled = m.Scaled(divisor, {k, m.ToFloat(k)});
  llvm::Value* quotient = m.Floor(f.Quotient(rest, scaled));
  llvm::Value* left = m.Fma(b.CreateFNeg(quotient), scaled, rest);
  llvm::Value* too_far = b.CreateFCmpOLT(left, m.C(0));
  left = b.CreateSelect(too_far, b.CreateFAdd(left, scaled), left);
  return b.CreateSelect(b.CreateFCmpOGE(rest, divisor), left, rest);
}

llvm::Value* EmitFmod64(FunctionEmitter& f, llvm::Value* x, llvm::Value* y) {
  Math m(f, x);
  auto& b = f.b;
  llvm::Value* magnitude = m.Abs(x);
  llvm::Value* defined =
      b.CreateAnd(b.CreateFCmpOLT(magnitude, m.Infinity()), b.CreateFCmpONE(y, m.C(0)));
  // Where nothing is defined the loop has nothing to do.
  llvm::Value* divisor = b.CreateSelect(defined, m.Abs(y), m.C(1));
  llvm::Value* divisor_exponent = BiasedExponent(f, m, divisor);
  llvm::AllocaInst* rest = f.Variable(m.type());
  b.CreateStore(b.CreateSelect(defined, magnitude, m.C(0)), rest);
  f.While([&] { return f.Any(b.CreateFCmpOGE(b.CreateLoad(m.type(), rest), divisor)); },
          [&] {
            b.CreateStore(ReduceOnce(f, m, b.CreateLoad(m.type(), rest), divisor, divisor_exponent),
                          rest);
          });
  llvm::Value* result = m.CopySign(b.CreateLoad(m.type(), rest), x);
  return b.CreateSelect(defined, result, m.Nan());
}

}  // namespace

llvm::Value* EmitFmod(FunctionEmitter& f, llvm::Value* x, llvm::Value* y) {
  llvm::Type* wide = f.Widen(f.b.getDoubleTy(), LaneCount(x));
  llvm::Value* result = EmitFmod64(f, f.b.CreateFPCast(x, wide), f.b.CreateFPCast(y, wide));
  return f.b.CreateFPCast(result, x->getType());
}

}  // namespace descent
