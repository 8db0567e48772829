#include "compiler/codegen/micro_kernel.h"

#include <fmt/format.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <string>

#include "compiler/codegen/fused_multiply_add.h"

namespace descent {
namespace {

/// Steps of k per iteration: the loop's own instructions cost 6x16 a tenth of its rate.
constexpr int64_t kUnroll = 2;
/// Runs of K up to this length are unrolled as a whole.
constexpr int64_t kShortRun = 8;
/// As many steps of k at least lie between the prefetches of two rows.
constexpr int64_t kStepsBetween = 8;

/// Nothing stays in a vector register here. Without it the constants of an epilogue, which LLVM
/// hoists out of the loops over register tiles, take registers from the sums, all of which are
/// spilled in the innermost loop: a contraction before a GELU took twice the time.
void EmitRegisterBarrier(FunctionEmitter& f) {
  const TargetFacts& facts = f.target().facts;
  const char bank = facts.vector_bytes == 64 ? 'z' : facts.vector_bytes == 32 ? 'y' : 'x';
  std::string clobbered;
  for (int64_t i = 0; i < facts.vector_registers; ++i)
    clobbered += fmt::format("{}~{{{}mm{}}}", i == 0 ? "" : ",", bank, i);
  llvm::FunctionType* type = llvm::FunctionType::get(f.b.getVoidTy(), false);
  f.b.CreateCall(llvm::InlineAsm::get(type, "", clobbered, /*hasSideEffects=*/true));
}

class MicroKernelEmitter {
 public:
  MicroKernelEmitter(FunctionEmitter& f, const ContractionPlan& plan, const MicroKernel& kernel)
      : f_(f),
        b_(f.b),
        plan_(plan),
        kernel_(kernel),
        element_(f.RegisterType(plan.dtype)),
        factor_(f.MemoryType(plan.factors())),
        step_(plan.pairs ? f.b.getInt32Ty() : element_),
        vector_(f.Widen(element_, static_cast<int>(plan.lanes))),
        align_(Info(plan.dtype).bytes),
        vectors_((kernel.columns + plan.lanes - 1) / plan.lanes) {}

  void Emit() {
    EmitRegisterBarrier(f_);
    for (int64_t i = 0; i < kernel_.rows * vectors_; ++i) {
      accumulators_.push_back(f_.Variable(vector_, "sum"));
      b_.CreateStore(llvm::Constant::getNullValue(vector_), accumulators_.back());
    }
    if (kernel_.runs) {
      PrefetchRows();
      EmitRuns(*kernel_.runs);
    } else if (!kernel_.prefetch || plan_.block_k < kernel_.rows * kStepsBetween) {
      PrefetchRows();
      const int64_t whole = kUnroll * plan_.steps_at_once();
      const bool odd = plan_.extent(kKAxis) % whole != 0 || plan_.block_k % whole != 0;
      EmitSteps({kernel_.lhs, kernel_.rhs}, kernel_.steps, kUnroll, odd);
    } else {
      EmitStepsBetweenPrefetches();
    }
    if (kernel_.resume) f_.If(kernel_.resume, [&] { ForEachSum(&MicroKernelEmitter::AddPartial); });
    ForEachSum(&MicroKernelEmitter::StoreSum);
    EmitRegisterBarrier(f_);
  }

 private:
  void ForEachSum(void (MicroKernelEmitter::*visit)(int64_t, int64_t)) {
    for (int64_t i = 0; i < kernel_.rows; ++i)
      for (int64_t j = 0; j < vectors_; ++j) (this->*visit)(i, j);
  }
  llvm::AllocaInst* Sum(int64_t i, int64_t j) { return accumulators_[i * vectors_ + j]; }
  llvm::Value* PartialAddress(int64_t i, int64_t j) {
    return f_.Element(element_, kernel_.partial,
                      f_.I64(i * plan_.partial_stride + j * plan_.lanes));
  }
  void AddPartial(int64_t i, int64_t j) {
    llvm::Value* before = b_.CreateAlignedLoad(vector_, PartialAddress(i, j), align_);
    b_.CreateStore(b_.CreateFAdd(before, b_.CreateLoad(vector_, Sum(i, j))), Sum(i, j));
  }
  void StoreSum(int64_t i, int64_t j) {
    b_.CreateAlignedStore(b_.CreateLoad(vector_, Sum(i, j)), PartialAddress(i, j), align_);
  }

  struct Pointers {
    llvm::Value *lhs, *rhs;
  };

  Pointers Advance(const Pointers& p, int64_t steps) {
    return {f_.Element(factor_, p.lhs, f_.I64(steps * plan_.lhs.k_stride)),
            f_.Element(factor_, p.rhs, f_.I64(steps * plan_.rhs.k_stride))};
  }

  void EmitSteps(const Pointers& start, llvm::Value* steps, int64_t unroll, bool odd) {
    const Pointers rest = Loop(start, b_.CreateUDiv(steps, f_.I64(unroll)), unroll);
    if (odd) Loop(rest, b_.CreateURem(steps, f_.I64(unroll)), 1);
  }

  void PrefetchRows() {
    if (kernel_.prefetch) f_.For(f_.I64(0), f_.I64(kernel_.rows), 1, kernel_.prefetch, "prefetch");
  }

  /// All at once, prefetches would fill the buffers of cache lines on their way, and the loads of
  /// the first steps would wait for them.
  void EmitStepsBetweenPrefetches() {
    llvm::Value* piece = b_.CreateUDiv(kernel_.steps, f_.I64(kUnroll * kernel_.rows));
    llvm::Value* steps = f_.Mul(piece, kUnroll);
    const auto at = [&](llvm::Value* step) {
      return Pointers{f_.Element(factor_, kernel_.lhs, f_.Mul(step, plan_.lhs.k_stride)),
                      f_.Element(factor_, kernel_.rhs, f_.Mul(step, plan_.rhs.k_stride))};
    };
    f_.For(
        f_.I64(0), f_.I64(kernel_.rows), 1,
        [&](llvm::Value* row) {
          kernel_.prefetch(row);
          Loop(at(b_.CreateMul(row, steps)), piece, kUnroll);
        },
        "row");
    llvm::Value* done = f_.Mul(steps, kernel_.rows);
    EmitSteps(at(done), b_.CreateSub(kernel_.steps, done), 1, false);
  }

  /// Short runs have no loop of their own.
  void EmitRuns(const Runs& runs) {
    const int64_t unroll = runs.steps <= kShortRun ? runs.steps : kUnroll;
    f_.For(
        f_.I64(0), runs.count, 1,
        [&](llvm::Value* run) {
          llvm::Value* passed = f_.Mul(run, runs.steps * plan_.rhs.k_stride);
          EmitSteps(
              {runs.lhs(b_.CreateAdd(runs.first, run)), f_.Element(factor_, kernel_.rhs, passed)},
              f_.I64(runs.steps), unroll, runs.steps % unroll != 0);
        },
        "run");
  }

  /// `count` times `unroll` steps of k. Pointers advance; everything else is a displacement.
  Pointers Loop(const Pointers& start, llvm::Value* count, int64_t unroll) {
    if (ConstantValue(count) == 0) return start;
    if (ConstantValue(count) == 1) {
      for (int64_t i = 0; i < unroll; ++i) Step(Advance(start, i));
      return Advance(start, unroll);
    }
    llvm::BasicBlock* before = b_.GetInsertBlock();
    llvm::BasicBlock* loop = llvm::BasicBlock::Create(f_.context(), "k", f_.function());
    llvm::BasicBlock* exit = llvm::BasicBlock::Create(f_.context(), "k_done", f_.function());
    b_.CreateCondBr(b_.CreateICmpSGT(count, f_.I64(0)), loop, exit);
    b_.SetInsertPoint(loop);
    llvm::PHINode* left = b_.CreatePHI(b_.getInt64Ty(), 2, "left");
    llvm::PHINode* lhs = b_.CreatePHI(b_.getPtrTy(), 2, "lhs");
    llvm::PHINode* rhs = b_.CreatePHI(b_.getPtrTy(), 2, "rhs");
    for (int64_t i = 0; i < unroll; ++i) Step(Advance({lhs, rhs}, i));
    const Pointers next = Advance({lhs, rhs}, unroll);
    llvm::Value* next_left = b_.CreateSub(left, f_.I64(1));
    b_.CreateCondBr(b_.CreateICmpSGT(next_left, f_.I64(0)), loop, exit);
    b_.SetInsertPoint(exit);
    const auto merge = [&](llvm::PHINode* phi, llvm::Value* first, llvm::Value* again) {
      phi->addIncoming(first, before);
      phi->addIncoming(again, loop);
    };
    merge(left, count, next_left);
    merge(lhs, start.lhs, next.lhs);
    merge(rhs, start.rhs, next.rhs);
    llvm::PHINode* lhs_end = b_.CreatePHI(b_.getPtrTy(), 2, "lhs");
    llvm::PHINode* rhs_end = b_.CreatePHI(b_.getPtrTy(), 2, "rhs");
    merge(lhs_end, start.lhs, next.lhs);
    merge(rhs_end, start.rhs, next.rhs);
    return {lhs_end, rhs_end};
  }

  void Step(const Pointers& p) {
    std::vector<llvm::Value*> row;
    for (int64_t j = 0; j < vectors_; ++j) row.push_back(LoadRhs(p.rhs, j));
    for (int64_t i = 0; i < kernel_.rows; ++i) {
      llvm::Value* address = f_.Element(factor_, p.lhs, f_.I64(i * plan_.lhs.row_stride));
      llvm::Value* value = f_.Splat(b_.CreateAlignedLoad(step_, address, FactorAlign()),
                                    static_cast<int>(plan_.lanes));
      for (int64_t j = 0; j < vectors_; ++j) {
        llvm::Value* sum = b_.CreateLoad(vector_, Sum(i, j));
        b_.CreateStore(AddProduct(sum, value, row[j]), Sum(i, j));
      }
    }
  }

  /// A sum of products bounds its error by its terms, whether these are rounded or not.
  llvm::Value* AddProduct(llvm::Value* sum, llvm::Value* a, llvm::Value* c) {
    if (plan_.pairs) return AddPairs(sum, a, c);
    if (!f_.target().needs->has_fma) return b_.CreateFAdd(sum, b_.CreateFMul(a, c));
    return FusedMultiplyAdd(f_, a, c, sum);
  }

  /// Products of bf16 are exact in f32. The second of a pair is added first, then the first;
  /// denormal factors and sums count as 0.
  llvm::Value* AddPairs(llvm::Value* sum, llvm::Value* a, llvm::Value* c) {
    llvm::Type* pairs = f_.Widen(b_.getBFloatTy(), static_cast<int>(2 * plan_.lanes));
    return b_.CreateIntrinsic(llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512, {},
                              {sum, b_.CreateBitCast(a, pairs), b_.CreateBitCast(c, pairs)});
  }

  llvm::Align FactorAlign() const { return llvm::Align(Info(plan_.factors()).bytes); }

  llvm::Value* LoadRhs(llvm::Value* rhs, int64_t j) {
    const int64_t first = j * plan_.lanes;
    llvm::Value* address = f_.Element(factor_, rhs, f_.I64(first * plan_.steps_at_once()));
    const int64_t left = kernel_.columns - first;
    if (!kernel_.mask_columns || left >= plan_.lanes) {
      llvm::Type* row = f_.Widen(step_, static_cast<int>(plan_.lanes));
      return b_.CreateAlignedLoad(row, address, FactorAlign());
    }
    return b_.CreateMaskedLoad(vector_, address, align_,
                               f_.FirstLanes(left, static_cast<int>(plan_.lanes)),
                               llvm::Constant::getNullValue(vector_));
  }

  FunctionEmitter& f_;
  llvm::IRBuilder<>& b_;
  const ContractionPlan& plan_;
  const MicroKernel& kernel_;
  llvm::Type* element_;  ///< of the sums
  llvm::Type* factor_;
  llvm::Type* step_;  ///< what one step takes of lhs: a factor, or a pair as an integer
  llvm::Type* vector_;
  llvm::Align align_;
  int64_t vectors_;
  std::vector<llvm::AllocaInst*> accumulators_;
};

}  // namespace

void EmitMicroKernel(FunctionEmitter& f, const ContractionPlan& plan, const MicroKernel& kernel) {
  MicroKernelEmitter(f, plan, kernel).Emit();
}

}  // namespace descent
