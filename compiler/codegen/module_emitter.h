// ModuleEmitter: a KernelProgram as one LLVM module: kernels, entry points, constants and the
// descent_program table of runtime/abi.h; or as several, of which each kernel is one. Internal to
// compiler/codegen (sees LLVM).
#pragma once

#include <llvm/IR/Module.h>

#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "compiler/codegen/codegen.h"

namespace descent {

/// Symbols of a program's large data, in the module that has it for all programs of an executable.
/// "": there is none.
struct DataSymbols {
  std::string constants, weights, onnx;
};

/// The numbers of the kernels that entry points call.
std::set<int> CalledKernels(const KernelProgram& program);

/// A program: entry points, table, kernels that are called, data. With `data` kernels and data are
/// declared, to be found in other modules. The module carries the target's triple and data layout.
std::unique_ptr<llvm::Module> EmitModule(llvm::LLVMContext& context, const KernelProgram& program,
                                         const Target& target, const CodegenOptions& options,
                                         const llvm::DataLayout& layout,
                                         const DataSymbols* data = nullptr);

/// One kernel as the function kKernelSymbol, so that equal kernels give equal modules whatever
/// their names.
std::unique_ptr<llvm::Module> EmitKernelModule(llvm::LLVMContext& context, const Kernel& kernel,
                                               const Target& target, const CodegenOptions& options,
                                               const llvm::DataLayout& layout);
inline constexpr std::string_view kKernelSymbol = "kernel";

/// The data of an executable's programs, one DataSymbols each, and the list
/// `descent_main_programs`.
std::unique_ptr<llvm::Module> EmitDataModule(llvm::LLVMContext& context,
                                             std::span<const TargetedProgram> programs,
                                             std::span<const DataSymbols> data,
                                             const CodegenOptions& options,
                                             const llvm::DataLayout& layout);

}  // namespace descent
