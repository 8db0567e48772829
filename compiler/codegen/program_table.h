// The descent_program constant (runtime/abi.h) of a module. Internal to compiler/codegen (sees
// LLVM).
#pragma once

#include <llvm/IR/Module.h>

#include <span>
#include <string>
#include <vector>

#include "compiler/codegen/codegen.h"
#include "compiler/codegen/module_emitter.h"

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

/// Defines <prefix>_program. With `data` weights and ONNX form are another module's.
void EmitProgramTable(llvm::Module& module, const KernelProgram& program, const Target& target,
                      const CodegenOptions& options, const std::vector<EmittedEntry>& entries,
                      const DataSymbols* data);

/// Defines descent_main_programs: the addresses of these programs, and null.
void EmitProgramList(llvm::Module& module, std::span<const TargetedProgram> programs);

/// Read-only bytes, as a hidden symbol that other modules of the executable see.
llvm::GlobalVariable* DefineBytes(llvm::Module& module, std::span<const std::byte> bytes,
                                  const std::string& symbol);
/// descent_onnx, likewise. `program` numbers the slots.
void DefineOnnxTable(llvm::Module& module, const OnnxForm& form, const KernelProgram& program,
                     const std::string& symbol);
/// Such a symbol of another module.
llvm::GlobalVariable* DeclareData(llvm::Module& module, const std::string& symbol,
                                  size_t bytes = 1);

/// int32_t(): the CPU has what the target needs. Runs on any x86-64.
llvm::Function* EmitCpuCheck(llvm::Module& module, const std::string& name, const Target& target);

}  // namespace descent
