#include "compiler/codegen/float16_emitter.h"

#include <llvm/IR/Intrinsics.h>

namespace descent {
namespace {

/// Constants and types as wide as one example value.
class Lanes {
 public:
  Lanes(FunctionEmitter& f, llvm::Value* like) : f_(f), lanes_(LaneCount(like)) {}

  llvm::Type* Float() { return f_.Widen(f_.b.getFloatTy(), lanes_); }
  llvm::Type* Double() { return f_.Widen(f_.b.getDoubleTy(), lanes_); }
  llvm::Type* Half() { return f_.Widen(f_.b.getHalfTy(), lanes_); }
  llvm::Type* Int(int bits) { return f_.Widen(f_.b.getIntNTy(bits), lanes_); }
  llvm::Constant* C(int bits, uint64_t value) { return llvm::ConstantInt::get(Int(bits), value); }

 private:
  FunctionEmitter& f_;
  int lanes_;
};

llvm::Value* RoundToBf16(FunctionEmitter& f, llvm::Value* value) {
  auto& b = f.b;
  Lanes l(f, value);
  llvm::Value* bits = b.CreateBitCast(value, l.Int(32));
  llvm::Value* odd = b.CreateAnd(b.CreateLShr(bits, l.C(32, 16)), l.C(32, 1));
  llvm::Value* rounded = b.CreateAdd(bits, b.CreateAdd(odd, l.C(32, 0x7fff)));
  // A NaN could be rounded to infinity, or lose all its bits.
  llvm::Value* quiet = b.CreateOr(bits, l.C(32, 0x400000));
  llvm::Value* chosen = b.CreateSelect(b.CreateFCmpUNO(value, value), quiet, rounded);
  return b.CreateBitCast(b.CreateAnd(chosen, l.C(32, 0xffff0000)), l.Float());
}

/// The double as one of the two floats around it, if inexact the one with an odd last bit: rounding
/// that to a format of fewer bits gives what rounding the double would (S. Boldo, G. Melquiond,
/// Emulation of FMA and correctly rounded sums, 2008).
llvm::Value* DoubleToOddFloat(FunctionEmitter& f, llvm::Value* value) {
  auto& b = f.b;
  Lanes l(f, value);
  llvm::Value* nearest = b.CreateFPTrunc(value, l.Float());
  llvm::Value* back = b.CreateFPExt(nearest, l.Double());
  llvm::Value* bits = b.CreateBitCast(nearest, l.Int(32));
  llvm::Value* even = b.CreateICmpEQ(b.CreateAnd(bits, l.C(32, 1)), l.C(32, 0));
  llvm::Value* inexact = b.CreateFCmpONE(back, value);
  // A nearest float of 0 has the sign of the value, so both neighbours have that sign.
  llvm::Value* beyond = b.CreateFCmpOGT(b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, back),
                                        b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, value));
  llvm::Value* other =
      b.CreateSelect(beyond, b.CreateSub(bits, l.C(32, 1)), b.CreateAdd(bits, l.C(32, 1)));
  bits = b.CreateSelect(b.CreateAnd(even, inexact), other, bits);
  return b.CreateBitCast(bits, l.Float());
}

/// A 64-bit integer as a double that rounds to a 16-bit float as the integer itself does: beyond
/// 2^53 the lowest bits become one sticky bit.
llvm::Value* Int64ToDouble(FunctionEmitter& f, bool is_unsigned, llvm::Value* value) {
  auto& b = f.b;
  Lanes l(f, value);
  constexpr uint64_t kLow = 0x7ff, kExact = uint64_t{1} << 53;
  llvm::Value* rest = b.CreateICmpNE(b.CreateAnd(value, l.C(64, kLow)), l.C(64, 0));
  llvm::Value* sticky = b.CreateSelect(rest, l.C(64, kLow + 1), l.C(64, 0));
  llvm::Value* cut = b.CreateOr(b.CreateAnd(value, l.C(64, ~kLow)), sticky);
  llvm::Value* exact =
      is_unsigned ? b.CreateICmpULE(value, l.C(64, kExact))
                  : b.CreateICmpULE(b.CreateAdd(value, l.C(64, kExact)), l.C(64, 2 * kExact));
  value = b.CreateSelect(exact, value, cut);
  return is_unsigned ? b.CreateUIToFP(value, l.Double()) : b.CreateSIToFP(value, l.Double());
}

/// A float that rounds to a 16-bit one as the value itself does.
llvm::Value* AsFloat(FunctionEmitter& f, DType from, llvm::Value* value) {
  auto& b = f.b;
  Lanes l(f, value);
  const DTypeInfo& info = Info(from);
  if (from == DType::kF64) return DoubleToOddFloat(f, value);
  if (info.is_float) return value;
  if (info.bytes == 8) return DoubleToOddFloat(f, Int64ToDouble(f, info.is_unsigned, value));
  llvm::Type* type = info.bytes == 4 ? l.Double() : l.Float();
  value = info.is_unsigned ? b.CreateUIToFP(value, type) : b.CreateSIToFP(value, type);
  return info.bytes == 4 ? DoubleToOddFloat(f, value) : value;
}

// The conversions of f16 without F16C, by integers: F. Giesen, half_float.cpp, 2012.

/// Bits of an f16 (i16) as a float.
llvm::Value* HalfBitsToFloat(FunctionEmitter& f, llvm::Value* half) {
  auto& b = f.b;
  Lanes l(f, half);
  llvm::Value* bits = b.CreateZExt(half, l.Int(32));
  llvm::Value* magnitude = b.CreateAnd(bits, l.C(32, 0x7fff));
  // The exponent counts from another bias, which a product corrects for denormals, too.
  llvm::Value* shifted = b.CreateBitCast(b.CreateShl(magnitude, l.C(32, 13)), l.Float());
  llvm::Value* number =
      b.CreateBitCast(b.CreateFMul(shifted, llvm::ConstantFP::get(l.Float(), 0x1p112)), l.Int(32));
  llvm::Value* infinite = b.CreateOr(b.CreateBitCast(shifted, l.Int(32)), l.C(32, 0x7f800000));
  llvm::Value* quiet = b.CreateOr(infinite, l.C(32, 0x400000));
  llvm::Value* beyond =
      b.CreateSelect(b.CreateICmpUGT(magnitude, l.C(32, 0x7c00)), quiet, infinite);
  number = b.CreateSelect(b.CreateICmpUGE(magnitude, l.C(32, 0x7c00)), beyond, number);
  llvm::Value* sign = b.CreateShl(b.CreateAnd(bits, l.C(32, 0x8000)), l.C(32, 16));
  return b.CreateBitCast(b.CreateOr(number, sign), l.Float());
}

/// The nearest f16 of a float, as its bits (i16).
llvm::Value* FloatToHalfBits(FunctionEmitter& f, llvm::Value* value) {
  auto& b = f.b;
  Lanes l(f, value);
  llvm::Value* bits = b.CreateBitCast(value, l.Int(32));
  llvm::Value* magnitude = b.CreateAnd(bits, l.C(32, 0x7fffffff));
  // Normal: another bias, and a carry out of the 13 bits that go where it rounds up.
  llvm::Value* odd = b.CreateAnd(b.CreateLShr(magnitude, l.C(32, 13)), l.C(32, 1));
  llvm::Value* normal = b.CreateAdd(magnitude, b.CreateAdd(odd, l.C(32, 0xc8000fff)));
  normal = b.CreateLShr(normal, l.C(32, 13));
  // Denormal: a sum with 0.5 has its last place where that of an f16 is.
  llvm::Value* sum =
      b.CreateFAdd(b.CreateBitCast(magnitude, l.Float()), llvm::ConstantFP::get(l.Float(), 0.5));
  llvm::Value* denormal = b.CreateSub(b.CreateBitCast(sum, l.Int(32)), l.C(32, 0x3f000000));
  llvm::Value* payload = b.CreateAnd(b.CreateLShr(magnitude, l.C(32, 13)), l.C(32, 0x3ff));
  llvm::Value* nan = b.CreateOr(payload, l.C(32, 0x7e00));
  llvm::Value* half =
      b.CreateSelect(b.CreateICmpULT(magnitude, l.C(32, 0x38800000)), denormal, normal);
  half = b.CreateSelect(b.CreateICmpUGE(magnitude, l.C(32, 0x47800000)), l.C(32, 0x7c00), half);
  half = b.CreateSelect(b.CreateICmpUGT(magnitude, l.C(32, 0x7f800000)), nan, half);
  llvm::Value* sign = b.CreateAnd(b.CreateLShr(bits, l.C(32, 16)), l.C(32, 0x8000));
  return b.CreateTrunc(b.CreateOr(half, sign), l.Int(16));
}

llvm::Value* FromHalf(FunctionEmitter& f, llvm::Value* bits) {
  if (!f.target().needs->has_fma) return HalfBitsToFloat(f, bits);
  Lanes l(f, bits);
  return f.b.CreateFPExt(f.b.CreateBitCast(bits, l.Half()), l.Float());
}

llvm::Value* ToHalf(FunctionEmitter& f, llvm::Value* value) {
  if (!f.target().needs->has_fma) return FloatToHalfBits(f, value);
  Lanes l(f, value);
  return f.b.CreateBitCast(f.b.CreateFPTrunc(value, l.Half()), l.Int(16));
}

}  // namespace

llvm::Value* EmitFromBits16(FunctionEmitter& f, DType dtype, llvm::Value* bits) {
  auto& b = f.b;
  Lanes l(f, bits);
  if (dtype == DType::kF16) return FromHalf(f, bits);
  llvm::Value* high = b.CreateShl(b.CreateZExt(bits, l.Int(32)), l.C(32, 16));
  return b.CreateBitCast(high, l.Float());
}

llvm::Value* EmitToBits16(FunctionEmitter& f, DType dtype, llvm::Value* value) {
  auto& b = f.b;
  Lanes l(f, value);
  if (dtype == DType::kF16) return ToHalf(f, value);
  llvm::Value* bits = b.CreateBitCast(value, l.Int(32));
  return b.CreateTrunc(b.CreateLShr(bits, l.C(32, 16)), l.Int(16));
}

llvm::Value* EmitRoundToFloat16(FunctionEmitter& f, DType from, DType to, llvm::Value* value) {
  value = AsFloat(f, from, value);
  if (to == DType::kBF16) return RoundToBf16(f, value);
  return FromHalf(f, ToHalf(f, value));
}

}  // namespace descent
