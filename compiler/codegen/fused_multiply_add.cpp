#include "compiler/codegen/fused_multiply_add.h"

#include <llvm/IR/Intrinsics.h>

namespace descent {
namespace {

/// A product of two f32 is exact in f64.
llvm::Value* InDoubles(FunctionEmitter& f, llvm::Value* x, llvm::Value* y, llvm::Value* z) {
  auto& b = f.b;
  llvm::Type* wide = f.Widen(b.getDoubleTy(), LaneCount(x));
  llvm::Value* product = b.CreateFMul(b.CreateFPExt(x, wide), b.CreateFPExt(y, wide));
  return b.CreateFPTrunc(b.CreateFAdd(product, b.CreateFPExt(z, wide)), x->getType());
}

/// f64 as unevaluated sums: T. J. Dekker, A floating-point technique for extending the available
/// precision, 1971.
class DoubledArithmetic {
 public:
  /// Of values of the type of `like`.
  DoubledArithmetic(FunctionEmitter& f, llvm::Value* like)
      : b_(f.b), type_(like->getType()), integers_(f.Widen(b_.getInt64Ty(), LaneCount(like))) {}

  llvm::Value* FusedMultiplyAdd(llvm::Value* x, llvm::Value* y, llvm::Value* z) {
    llvm::Value* plain = b_.CreateFAdd(b_.CreateFMul(x, y), z);
    // With a larger factor below 2^500 nothing overflows. A smaller result is far above the least
    // float where the factor is not.
    llvm::Value* swapped = b_.CreateFCmpOLT(Abs(x), Abs(y));
    llvm::Value* large = b_.CreateSelect(swapped, y, x);
    llvm::Value* other = b_.CreateSelect(swapped, x, y);
    llvm::Value* huge = b_.CreateFCmpOGT(Abs(large), C(0x1p500));
    llvm::Value* scale = b_.CreateSelect(huge, C(0x1p-120), C(1));
    const Pair product = Product(b_.CreateFMul(large, scale), other);
    const Pair sum = Sum(product.high, b_.CreateFMul(z, scale));
    llvm::Value* low = b_.CreateFAdd(sum.low, product.low);
    // A sum with 0 would lose the sign of -0.
    llvm::Value* rounded =
        b_.CreateSelect(b_.CreateFCmpOEQ(low, C(0)), sum.high, b_.CreateFAdd(sum.high, low));
    rounded = b_.CreateFMul(rounded, b_.CreateSelect(huge, C(0x1p120), C(1)));
    // Where something overflowed or is not finite, the plain sum says how.
    llvm::Value* finite = b_.CreateFCmpOLT(Abs(low), llvm::ConstantFP::getInfinity(type_));
    return b_.CreateSelect(finite, rounded, plain);
  }

 private:
  struct Pair {
    llvm::Value *high, *low;
  };

  llvm::Value* C(double value) { return llvm::ConstantFP::get(type_, value); }
  llvm::Value* Abs(llvm::Value* x) { return b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x); }

  /// The upper and the lower 26 bits, by rounding the bits: a factor of 2^27 + 1 could overflow.
  Pair Split(llvm::Value* x) {
    llvm::Value* bits = b_.CreateBitCast(x, integers_);
    bits = b_.CreateAdd(bits, llvm::ConstantInt::get(integers_, uint64_t{1} << 26));
    bits = b_.CreateAnd(bits, llvm::ConstantInt::get(integers_, ~((uint64_t{1} << 27) - 1)));
    llvm::Value* high = b_.CreateBitCast(bits, type_);
    return {high, b_.CreateFSub(x, high)};
  }

  Pair Product(llvm::Value* x, llvm::Value* y) {
    llvm::Value* high = b_.CreateFMul(x, y);
    const Pair a = Split(x), c = Split(y);
    llvm::Value* low = b_.CreateFSub(b_.CreateFMul(a.high, c.high), high);
    low = b_.CreateFAdd(low, b_.CreateFMul(a.high, c.low));
    low = b_.CreateFAdd(low, b_.CreateFMul(a.low, c.high));
    return {high, b_.CreateFAdd(low, b_.CreateFMul(a.low, c.low))};
  }

  /// D. E. Knuth, The Art of Computer Programming, volume 2, theorem 4.2.2B.
  Pair Sum(llvm::Value* x, llvm::Value* y) {
    llvm::Value* high = b_.CreateFAdd(x, y);
    llvm::Value* of_y = b_.CreateFSub(high, x);
    llvm::Value* of_x = b_.CreateFSub(high, of_y);
    return {high, b_.CreateFAdd(b_.CreateFSub(x, of_x), b_.CreateFSub(y, of_y))};
  }

  llvm::IRBuilder<>& b_;
  llvm::Type* type_;
  llvm::Type* integers_;
};

}  // namespace

llvm::Value* FusedMultiplyAdd(FunctionEmitter& f, llvm::Value* x, llvm::Value* y, llvm::Value* z) {
  llvm::Type* type = x->getType();
  if (f.target().needs->has_fma)
    return f.b.CreateIntrinsic(llvm::Intrinsic::fma, {type}, {x, y, z});
  if (type->getScalarType()->isFloatTy()) return InDoubles(f, x, y, z);
  return DoubledArithmetic(f, x).FusedMultiplyAdd(x, y, z);
}

}  // namespace descent
