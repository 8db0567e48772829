#include "compiler/codegen/pair_packing.h"

#include "compiler/codegen/float16_emitter.h"
#include "compiler/codegen/packing.h"
#include "compiler/codegen/transpose.h"

namespace descent {
namespace {

class PairPacker {
 public:
  PairPacker(KernelFrame& frame, const ContractionPlan& plan, const OperandPlan& operand,
             FlatAxis x_axis, const PackedBlock& block, llvm::Value* target)
      : f_(frame.f),
        b_(frame.f.b),
        plan_(plan),
        operand_(operand),
        lanes_(static_cast<int>(plan.lanes)),
        x_stride_(operand.address->coefficients[x_axis]),
        k_stride_(operand.address->coefficients[kKAxis]),
        steps_(b_.CreateSub(block.k_high, block.k_low)),
        target_(target) {
    const FlatAddress& address = *operand.address;
    const StageRead& read = frame.kernel.stages[0].reads[operand.read];
    const DType dtype = frame.kernel.parameters[read.index].type.dtype;
    is_narrow_ = dtype == DType::kBF16;
    element_ = f_.MemoryType(dtype);
    align_ = llvm::Align(Info(dtype).bytes);
    source_ = frame.parameters[read.index];
    Advance(f_.Mul(block.batch, address.coefficients[kBatchAxis]));
    Advance(f_.Mul(block.x_low, x_stride_));
    Advance(OffsetOfK(f_, address, block.k_low));
    Advance(f_.I64(address.constant));
  }

  /// Source contiguous along x: row k holds the first of the pairs, row k + 1 the second.
  void Interleave(llvm::Value* count) {
    llvm::Value* whole = b_.CreateAnd(steps_, f_.I64(-2));
    f_.For(
        f_.I64(0), whole, 2,
        [&](llvm::Value* k) {
          ForVectors(count, [&](llvm::Value* x, llvm::Value* mask) {
            llvm::Value* second = High(Load(x, f_.Add(k, f_.I64(1)), mask));
            Store(b_.CreateOr(Low(Load(x, k, mask)), second), x, Half(k));
          });
        },
        "pack_k");
    if (!MayBeOdd()) return;
    f_.If(b_.CreateICmpNE(whole, steps_), [&] {
      ForVectors(count, [&](llvm::Value* x, llvm::Value* mask) {
        Store(Low(Load(x, whole, mask)), x, Half(whole));
      });
    });
  }

  /// Source contiguous along k: a row of a square is a vector of pairs. Rows behind `columns` and
  /// pairs behind the last are zeros.
  void Transpose(int64_t columns) {
    const int64_t at_once = 2 * plan_.lanes;
    llvm::Value* whole = b_.CreateAnd(steps_, f_.I64(-at_once));
    f_.For(
        f_.I64(0), whole, at_once, [&](llvm::Value* k) { Squares(columns, k, nullptr); }, "pack_k");
    if (plan_.extent(kKAxis) % at_once == 0 && plan_.block_k % at_once == 0) return;
    llvm::Value* rest = b_.CreateSub(steps_, whole);
    f_.If(b_.CreateICmpNE(rest, f_.I64(0)), [&] { Squares(columns, whole, rest); });
  }

 private:
  void Advance(llvm::Value* elements) { source_ = f_.Element(element_, source_, elements); }
  llvm::Value* Half(llvm::Value* k) { return b_.CreateLShr(k, f_.I64(1)); }
  bool MayBeOdd() const { return plan_.extent(kKAxis) % 2 != 0; }

  /// Vectors along x; the last one with a mask, null where it is whole.
  void ForVectors(llvm::Value* count, const std::function<void(llvm::Value*, llvm::Value*)>& body) {
    const int64_t lanes = plan_.lanes;
    llvm::Value* whole = b_.CreateAnd(count, f_.I64(-lanes));
    f_.For(f_.I64(0), whole, lanes, [&](llvm::Value* x) { body(x, nullptr); }, "pack_x");
    llvm::Value* rest = b_.CreateSub(count, whole);
    if (ConstantValue(rest) == 0) return;
    f_.If(b_.CreateICmpNE(rest, f_.I64(0)), [&] { body(whole, FirstLanes(rest, lanes_)); });
  }

  llvm::Value* FirstLanes(llvm::Value* count, int lanes) {
    if (const auto constant = ConstantValue(count)) return f_.FirstLanes(*constant, lanes);
    return b_.CreateICmpSLT(f_.Iota(lanes, 64), f_.Splat(count, lanes));
  }

  llvm::Value* Source(llvm::Value* x, llvm::Value* k) {
    return f_.Element(element_, f_.Element(element_, source_, f_.Mul(k, k_stride_)),
                      f_.Mul(x, x_stride_));
  }

  llvm::Value* LoadVector(llvm::Type* vector, llvm::Value* address, llvm::Value* mask) {
    if (mask == nullptr) return b_.CreateAlignedLoad(vector, address, align_);
    return b_.CreateMaskedLoad(vector, address, align_, mask, llvm::Constant::getNullValue(vector));
  }

  /// Neighbours along x: bits of bf16, or of f32 rounded to bf16 (the lower half is zero).
  llvm::Value* Load(llvm::Value* x, llvm::Value* k, llvm::Value* mask) {
    return Rounded(LoadVector(f_.Widen(element_, lanes_), Source(x, k), mask));
  }
  llvm::Value* Rounded(llvm::Value* value) {
    if (is_narrow_) return value;
    value = EmitRoundToFloat16(f_, DType::kF32, DType::kBF16, value);
    return b_.CreateBitCast(value, PairType());
  }
  llvm::Type* PairType() { return f_.Widen(b_.getInt32Ty(), lanes_); }
  llvm::Value* Low(llvm::Value* bits) {
    return is_narrow_ ? b_.CreateZExt(bits, PairType()) : b_.CreateLShr(bits, 16);
  }
  llvm::Value* High(llvm::Value* bits) {
    return is_narrow_ ? b_.CreateShl(b_.CreateZExt(bits, PairType()), 16) : bits;
  }

  void Store(llvm::Value* pairs, llvm::Value* x, llvm::Value* half_k) {
    llvm::Value* row = f_.Mul(half_k, operand_.k_stride / 2);
    llvm::Value* place = f_.Element(b_.getInt32Ty(), f_.Element(b_.getInt32Ty(), target_, row), x);
    b_.CreateAlignedStore(pairs, place, llvm::Align(4));
  }

  void Squares(int64_t columns, llvm::Value* k, llvm::Value* rest) {
    const int64_t lanes = plan_.lanes;
    for (int64_t n = 0; n < columns; n += lanes) {
      std::vector<llvm::Value*> rows;
      for (int64_t i = 0; i < lanes; ++i)
        rows.push_back(n + i < columns ? LoadPairs(f_.I64(n + i), k, rest)
                                       : llvm::Constant::getNullValue(PairType()));
      TransposeSquare(f_, rows);
      for (int64_t i = 0; i < lanes; ++i) Store(rows[i], f_.I64(n), f_.Add(Half(k), f_.I64(i)));
    }
  }

  /// Pairs (k, k + 1), (k + 2, k + 3), ... of column x, `rest` steps of them or whole vectors.
  llvm::Value* LoadPairs(llvm::Value* x, llvm::Value* k, llvm::Value* rest) {
    const int both = 2 * lanes_;
    llvm::Value* address = Source(x, k);
    if (is_narrow_) {
      llvm::Value* mask = rest == nullptr ? nullptr : FirstLanes(rest, both);
      return b_.CreateBitCast(LoadVector(f_.Widen(element_, both), address, mask), PairType());
    }
    llvm::Type* vector = f_.Widen(element_, lanes_);
    const auto part = [&](int64_t first) {
      llvm::Value* mask =
          rest == nullptr ? nullptr : FirstLanes(b_.CreateSub(rest, f_.I64(first)), lanes_);
      llvm::Value* bits =
          Rounded(LoadVector(vector, f_.Element(element_, address, f_.I64(first)), mask));
      return b_.CreateTrunc(b_.CreateLShr(bits, 16), f_.Widen(b_.getInt16Ty(), lanes_));
    };
    std::vector<int> all;
    for (int i = 0; i < both; ++i) all.push_back(i);
    return b_.CreateBitCast(b_.CreateShuffleVector(part(0), part(lanes_), all), PairType());
  }

  FunctionEmitter& f_;
  llvm::IRBuilder<>& b_;
  const ContractionPlan& plan_;
  const OperandPlan& operand_;
  int lanes_;
  int64_t x_stride_, k_stride_;  ///< of the source
  llvm::Value* steps_;
  llvm::Value* target_;
  bool is_narrow_ = false;  ///< is the source bf16?
  llvm::Type* element_ = nullptr;
  llvm::Align align_;
  llvm::Value* source_ = nullptr;
};

}  // namespace

void EmitPackPairsOfLhs(KernelFrame& frame, const ContractionPlan& plan, const PackedBlock& block) {
  PairPacker(frame, plan, plan.lhs, kMAxis, block, frame.ScratchAt(plan.lhs.scratch_offset))
      .Interleave(frame.f.b.CreateSub(block.x_high, block.x_low));
}

void EmitPackPairsOfPanel(KernelFrame& frame, const ContractionPlan& plan,
                          const PackedPanel& panel) {
  const PackedBlock block{panel.batch, panel.n_low, nullptr, panel.k_low, panel.k_high};
  PairPacker packer(frame, plan, plan.rhs, kNAxis, block, PanelAddress(frame, plan, panel.number));
  if (plan.rhs.packing == Packing::kPanel)
    packer.Interleave(frame.f.I64(panel.columns));
  else
    packer.Transpose(panel.columns);
}

void EmitPadOddRows(KernelFrame& frame, const ContractionPlan& plan, const PackedBlock& block) {
  if (plan.extent(kKAxis) % 2 == 0) return;
  FunctionEmitter& f = frame.f;
  llvm::Type* element = f.MemoryType(plan.factors());
  llvm::Value* steps = f.b.CreateSub(block.k_high, block.k_low);
  llvm::Value* base = f.Element(element, frame.ScratchAt(plan.lhs.scratch_offset), steps);
  llvm::Value* is_odd = f.b.CreateTrunc(steps, f.b.getInt1Ty());
  f.If(is_odd, [&] {
    f.For(
        f.I64(0), f.b.CreateSub(block.x_high, block.x_low), 1,
        [&](llvm::Value* row) {
          llvm::Value* place = f.Element(element, base, f.Mul(row, plan.lhs.row_stride));
          f.b.CreateStore(llvm::Constant::getNullValue(element), place);
        },
        "pad_m");
  });
}

}  // namespace descent
