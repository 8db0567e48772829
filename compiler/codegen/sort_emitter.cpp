#include "compiler/codegen/sort_emitter.h"

#include <bit>

#include "compiler/codegen/axis_tiles.h"
#include "compiler/kernel/axis_forms.h"

namespace descent {
namespace {

class SortEmitter {
 public:
  explicit SortEmitter(KernelFrame& frame)
      : frame_(frame),
        f_(frame.f),
        b_(frame.f.b),
        form_(frame.kernel.sort),
        length_(form_.axis.length),
        entry_(b_.getIntNTy(SortEntryBits(frame.kernel))),
        place_bits_(SortEntryBits(frame.kernel) / 2),
        left_(f_.Variable(b_.getInt64Ty(), "left")),
        right_(f_.Variable(b_.getInt64Ty(), "right")) {
    buffers_[0] = frame.ScratchAt(0);
    buffers_[1] = frame.ScratchAt(SortBufferBytes(frame.kernel));
  }

  void EmitUnit(llvm::Value* unit) {
    const int64_t inner = form_.axis.inner;
    llvm::Value* outer = inner == 1 ? unit : b_.CreateUDiv(unit, f_.I64(inner));
    llvm::Value* lane = inner == 1 ? f_.I64(0) : b_.CreateURem(unit, f_.I64(inner));
    first_ = f_.Add(f_.Mul(outer, length_ * inner), lane);
    LoadEntries();
    const int passes = length_ < 2 ? 0 : std::bit_width(static_cast<uint64_t>(length_ - 1));
    f_.For(f_.I64(0), f_.I64(passes), 1, [&](llvm::Value* pass) { EmitPass(pass); }, "pass");
    StorePlaces(buffers_[passes % 2]);
  }

 private:
  llvm::Value* Element(int parameter, llvm::Value* place) {
    llvm::Type* type = f_.MemoryType(frame_.kernel.parameters[parameter].type.dtype);
    llvm::Value* index = f_.Add(first_, f_.Mul(place, form_.axis.inner));
    return f_.Element(type, frame_.parameters[parameter], index);
  }

  /// Unsigned, in the order of the values: negative floats have their bits inverted, others their
  /// sign set; -0 counts as 0, all NaNs as the largest key.
  llvm::Value* KeyOf(llvm::Value* value, DType dtype) {
    const unsigned bits = 8 * Info(dtype).bytes;
    llvm::Type* type = b_.getIntNTy(bits);
    llvm::Value* sign = llvm::ConstantInt::get(type, llvm::APInt::getSignMask(bits));
    llvm::Value* key = value;
    if (Info(dtype).is_float) {
      value = b_.CreateFAdd(value, llvm::ConstantFP::get(value->getType(), 0));
      llvm::Value* raw = b_.CreateBitCast(value, type);
      key = b_.CreateXor(raw, b_.CreateOr(b_.CreateAShr(raw, bits - 1), sign));
      key = b_.CreateSelect(b_.CreateFCmpUNO(value, value), llvm::Constant::getAllOnesValue(type),
                            key);
    } else if (dtype == DType::kI32 || dtype == DType::kI64) {
      key = b_.CreateXor(value, sign);
    }
    return form_.descending ? b_.CreateNot(key) : key;
  }

  void LoadEntries() {
    const DType dtype = frame_.kernel.parameters[0].type.dtype;
    f_.For(
        f_.I64(0), f_.I64(length_), 1,
        [&](llvm::Value* place) {
          llvm::Value* value = b_.CreateLoad(f_.MemoryType(dtype), Element(0, place));
          llvm::Value* key = b_.CreateZExt(KeyOf(value, dtype), entry_);
          llvm::Value* entry =
              b_.CreateOr(b_.CreateShl(key, place_bits_), b_.CreateZExt(place, entry_));
          b_.CreateStore(entry, f_.Element(entry_, buffers_[0], place));
        },
        "load");
  }

  /// Runs of 2^pass entries become runs of twice as many, from one buffer into the other.
  void EmitPass(llvm::Value* pass) {
    llvm::Value* odd = b_.CreateTrunc(pass, b_.getInt1Ty());
    llvm::Value* from = b_.CreateSelect(odd, buffers_[1], buffers_[0]);
    llvm::Value* to = b_.CreateSelect(odd, buffers_[0], buffers_[1]);
    llvm::Value* width = b_.CreateShl(f_.I64(1), pass);
    llvm::Value* both = b_.CreateShl(width, 1);
    llvm::Value* end = f_.I64(length_);
    llvm::Value* runs = b_.CreateUDiv(b_.CreateSub(f_.Add(end, both), f_.I64(1)), both);
    f_.For(
        f_.I64(0), runs, 1,
        [&](llvm::Value* run) {
          llvm::Value* low = b_.CreateNSWMul(run, both);
          llvm::Value* middle = f_.Min(f_.Add(low, width), end);
          EmitMerge(from, to, low, middle, f_.Min(f_.Add(low, both), end));
        },
        "run");
  }

  /// A run that is used up is still read one entry behind its end, but not taken from.
  void EmitMerge(llvm::Value* from, llvm::Value* to, llvm::Value* low, llvm::Value* middle,
                 llvm::Value* high) {
    auto* i64 = b_.getInt64Ty();
    b_.CreateStore(low, left_);
    b_.CreateStore(middle, right_);
    f_.For(
        low, high, 1,
        [&](llvm::Value* place) {
          llvm::Value* i = b_.CreateLoad(i64, left_);
          llvm::Value* j = b_.CreateLoad(i64, right_);
          llvm::Value* a = b_.CreateLoad(entry_, f_.Element(entry_, from, i));
          llvm::Value* c = b_.CreateLoad(entry_, f_.Element(entry_, from, j));
          llvm::Value* first = b_.CreateOr(b_.CreateICmpSGE(j, high), b_.CreateICmpULT(a, c));
          llvm::Value* take_left = b_.CreateAnd(b_.CreateICmpSLT(i, middle), first);
          b_.CreateStore(b_.CreateSelect(take_left, a, c), f_.Element(entry_, to, place));
          llvm::Value* step = b_.CreateZExt(take_left, i64);
          b_.CreateStore(f_.Add(i, step), left_);
          b_.CreateStore(f_.Add(j, b_.CreateSub(f_.I64(1), step)), right_);
        },
        "merge");
  }

  void StorePlaces(llvm::Value* sorted) {
    f_.For(
        f_.I64(0), f_.I64(length_), 1,
        [&](llvm::Value* rank) {
          llvm::Value* entry = b_.CreateLoad(entry_, f_.Element(entry_, sorted, rank));
          llvm::Value* place = b_.CreateTrunc(entry, b_.getIntNTy(place_bits_));
          b_.CreateStore(rank, Element(1, b_.CreateZExt(place, b_.getInt64Ty())));
        },
        "store");
  }

  KernelFrame& frame_;
  FunctionEmitter& f_;
  llvm::IRBuilder<>& b_;
  const SortForm& form_;
  const int64_t length_;
  llvm::IntegerType* entry_;
  const unsigned place_bits_;
  llvm::AllocaInst *left_, *right_;
  llvm::Value* buffers_[2] = {};
  llvm::Value* first_ = nullptr;
};

}  // namespace

void EmitSortKernel(llvm::Module& module, const Target& target, const Kernel& kernel) {
  KernelFrame frame(module, target, kernel);
  SortEmitter emitter(frame);
  EmitAxisTiles(frame, [&](llvm::Value* unit) { emitter.EmitUnit(unit); });
  frame.Finish();
}

}  // namespace descent
