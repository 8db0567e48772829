// KernelFrame: what every kernel function has in common. Internal to compiler/codegen (sees LLVM).
//
//   void kernel(void* arg, i32 worker, i64 first_tile, i64 last_tile)
//   arg -> { ptr scratch, i64 worker_scratch_bytes, ptr status, ptr buffers[] }
//
// The frame sets the default floating-point environment on entry and restores the caller's on exit,
// and adds collected status bits to the entry point's word.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "compiler/codegen/function_emitter.h"
#include "compiler/codegen/nest_emitter.h"
#include "compiler/kernel/program.h"

namespace descent {

llvm::StructType* KernelArgumentType(llvm::LLVMContext& context, int parameters);
enum KernelArgumentField { kScratchField, kWorkerBytesField, kStatusField, kBuffersField };

class KernelFrame {
 public:
  KernelFrame(llvm::Module& module, const Target& target, const Kernel& kernel);

  FunctionEmitter f;
  const Kernel& kernel;
  llvm::Value* first_tile;
  llvm::Value* last_tile;
  llvm::Value* scratch;  ///< of this worker, aligned to 64 bytes
  std::vector<llvm::Value*> parameters;
  llvm::AllocaInst* status;

  Memory Parameter(int number) {
    return RowMajor(parameters[number], kernel.parameters[number].type);
  }
  /// The part [low, high) of `total` that this call's tiles own (KernelSchedule::tile_extent).
  std::pair<llvm::Value*, llvm::Value*> OwnPart(int64_t total);
  /// Calls `unit` for each of its own.
  void ForOwn(int64_t total, const std::function<void(llvm::Value*)>& unit, const char* name);
  void SetStatus(uint32_t bit);
  /// Scratch from byte `offset` on.
  llvm::Value* ScratchAt(int64_t offset);
  /// Ends the function.
  void Finish();

 private:
  llvm::AllocaInst* saved_mxcsr_;
};

llvm::Function* DeclareKernel(llvm::Module& module, const Target& target, const Kernel& kernel);

/// Sets the attributes all generated functions share (CPU, no unwinding, vector width).
void SetFunctionAttributes(llvm::Function* function, const Target& target);

}  // namespace descent
