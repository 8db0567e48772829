// The descent_program constant (runtime/abi.h) of a module. Internal to compiler/codegen (sees
// LLVM).
#pragma once

#include <llvm/IR/Module.h>

#include <string>
#include <vector>

#include "compiler/codegen/codegen.h"

namespace descent {

/// What module emission knows of an entry point beyond the kernel program.
struct EmittedEntry {
  const EntryProgram* entry;
  llvm::Function* function;
  int64_t fixed_scratch_bytes;
  int64_t worker_scratch_bytes;
  int64_t kernel_calls;
  int64_t flops;
  std::vector<std::string> assertions;
};

/// Defines <prefix>_program, and descent_main_program where asked for.
void EmitProgramTable(llvm::Module& module, const KernelProgram& program, const Target& target,
                      const CodegenOptions& options, const std::vector<EmittedEntry>& entries);

/// int32_t(): the CPU has what the target needs. Runs on any x86-64.
llvm::Function* EmitCpuCheck(llvm::Module& module, const std::string& name, const Target& target);

}  // namespace descent
