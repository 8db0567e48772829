// Entry points: the step tree of an EntryProgram as straight calls and counted loops over planned
// memory. Internal to compiler/codegen (sees LLVM).
#pragma once

#include <llvm/IR/Module.h>

#include "compiler/codegen/codegen.h"
#include "compiler/codegen/program_table.h"

namespace descent {

/// void(executor, kernel, arg, tiles, least_threads): all tiles, by the executor if it has so many
/// threads.
llvm::Function* EmitDispatch(llvm::Module& module, const Target& target);

/// What all entry points of a module share.
struct EntryContext {
  llvm::Module& module;
  const KernelProgram& program;
  const Target& target;
  Sanitizer sanitizer;
  bool reports_calls, calls_hooks;  ///< CodegenOptions
  llvm::Function* dispatch;         ///< EmitDispatch
  llvm::GlobalVariable* constants;  ///< null where there are none
};

/// Defines <prefix>_<entry>. For the address sanitizer everything in the arena but a kernel's own
/// arguments is poisoned while that kernel runs.
EmittedEntry EmitEntry(const EntryContext& context, const EntryProgram& entry);

}  // namespace descent
