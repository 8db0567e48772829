// FunctionEmitter: one LLVM function under construction, with structured loops and conditions.
//
// Loops and conditions fold away when their bounds are constants, so callers never special-case
// sizes. Variables are entry-block allocas that the optimizer turns into registers. Internal to
// compiler/codegen (sees LLVM).
//
//   FunctionEmitter f(module, target, function);
//   f.For(f.I64(0), f.I64(n), 1, [&](llvm::Value* i) { ... });
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <functional>
#include <optional>
#include <vector>

#include "compiler/codegen/target.h"
#include "ir/type.h"

namespace descent {

class FunctionEmitter {
 public:
  FunctionEmitter(llvm::Module& module, const Target& target, llvm::Function* function);

  llvm::IRBuilder<> b;
  llvm::Module& module() { return module_; }
  llvm::LLVMContext& context() { return module_.getContext(); }
  llvm::Function* function() { return function_; }
  const Target& target() const { return target_; }

  /// Type of a value in registers; bool is i1, a 16-bit float is the float of its value.
  llvm::Type* RegisterType(DType dtype);
  /// Type of a value in memory; bool is i8, a 16-bit float its bits.
  llvm::Type* MemoryType(DType dtype);
  llvm::Type* Widen(llvm::Type* scalar, int lanes);

  llvm::ConstantInt* I64(int64_t value) { return b.getInt64(static_cast<uint64_t>(value)); }
  llvm::ConstantInt* I32(int32_t value) { return b.getInt32(static_cast<uint32_t>(value)); }
  /// {0, 1, ..., lanes - 1}
  llvm::Constant* Iota(int lanes, int bits);
  /// The mask of lanes below `count`.
  llvm::Constant* FirstLanes(int64_t count, int lanes);

  /// A variable; lives in the entry block.
  llvm::AllocaInst* Variable(llvm::Type* type, const char* name = "");

  /// for (i = low; i < high; i += step) body(i)
  void For(llvm::Value* low, llvm::Value* high, int64_t step,
           const std::function<void(llvm::Value*)>& body, const char* name = "i");
  /// while (condition()) body()
  void While(const std::function<llvm::Value*()>& condition, const std::function<void()>& body);
  void If(llvm::Value* condition, const std::function<void()>& then, bool unlikely = false);

  llvm::Value* Add(llvm::Value* a, llvm::Value* c) { return b.CreateNSWAdd(a, c); }
  llvm::Value* Mul(llvm::Value* a, int64_t factor);
  llvm::Value* Min(llvm::Value* a, llvm::Value* c);
  /// a / c of floats where both may be 0.
  llvm::Value* Quotient(llvm::Value* a, llvm::Value* c);
  /// base + index elements of `type`.
  llvm::Value* Element(llvm::Type* type, llvm::Value* base, llvm::Value* index);

  /// Brings a cache line closer: `locality` 3 to the first level, 2 to the second.
  void Prefetch(llvm::Value* address, int locality, bool for_write);

  /// `value` in all lanes; a vector is returned as it is.
  llvm::Value* Splat(llvm::Value* value, int lanes);
  /// Lane `lane` of a vector; a scalar is returned as it is.
  llvm::Value* Lane(llvm::Value* value, int lane);
  /// One i1: some lane of an i1 vector is set. A scalar is returned as it is.
  llvm::Value* Any(llvm::Value* mask);
  /// x 2^n for whole n, rounded once, by an instruction; null where the target has none for
  /// vectors like x.
  llvm::Value* ScaleExponent(llvm::Value* x, llvm::Value* n);
  /// And of two masks, either of which may be null (all lanes) or a scalar.
  llvm::Value* And(llvm::Value* a, llvm::Value* c);

 private:
  llvm::Module& module_;
  const Target& target_;
  llvm::Function* function_;
  llvm::BasicBlock* entry_;
};

/// Value of a constant integer, if it is one.
std::optional<int64_t> ConstantValue(llvm::Value* value);
/// 1 for scalars.
int LaneCount(llvm::Value* value);

}  // namespace descent
