// ModuleEmitter: a KernelProgram as one LLVM module: kernels, entry points, constants and the
// descent_program table of runtime/abi.h. Internal to compiler/codegen (sees LLVM).
#pragma once

#include <llvm/IR/Module.h>

#include <memory>

#include "compiler/codegen/codegen.h"

namespace descent {

/// One of `count` modules that together make a program: each has its share of the kernels, the
/// first all the rest.
struct ModulePart {
  int number = 0, count = 1;
};

/// Kernels that no entry point calls are left out. The module carries the target's triple and data
/// layout.
std::unique_ptr<llvm::Module> EmitModule(llvm::LLVMContext& context, const KernelProgram& program,
                                         const Target& target, const CodegenOptions& options,
                                         const llvm::DataLayout& layout, ModulePart part = {});

}  // namespace descent
