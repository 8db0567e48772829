#include "compiler/codegen/module_emitter.h"

#include <utility>
#include <vector>

#include "compiler/codegen/entry_emitter.h"
#include "compiler/codegen/form_code.h"
#include "compiler/codegen/kernel_frame.h"
#include "compiler/codegen/program_table.h"
#include "runtime/abi.h"

namespace descent {
namespace {

constexpr const char* kTriple = "x86_64-pc-linux-gnu";

void CollectCalled(const std::vector<Step>& steps, std::set<int>& kernels) {
  for (const Step& step : steps) {
    if (const auto* call = std::get_if<KernelCall>(&step.what)) kernels.insert(call->kernel);
    for (const std::vector<Step>* inner : InnerSteps(step)) CollectCalled(*inner, kernels);
  }
}

std::unique_ptr<llvm::Module> NewModule(llvm::LLVMContext& context, std::string_view name,
                                        const CodegenOptions& options,
                                        const llvm::DataLayout& layout) {
  auto module = std::make_unique<llvm::Module>(llvm::StringRef(name), context);
  module->setTargetTriple(kTriple);
  module->setDataLayout(layout);
  if (options.position_independent) module->setPICLevel(llvm::PICLevel::BigPIC);
  return module;
}

/// The constant section: the module's own, or with `data` that of another one.
llvm::GlobalVariable* EmitConstants(llvm::Module& module, const KernelProgram& program,
                                    const DataSymbols* data) {
  if (program.constants.empty()) return nullptr;
  const std::span<const std::byte> bytes = program.constants.bytes();
  if (data != nullptr) return DeclareData(module, data->constants, bytes.size());
  auto* constants = DefineBytes(module, bytes, program.prefix + "_constants");
  constants->setVisibility(llvm::GlobalValue::DefaultVisibility);
  constants->setLinkage(llvm::GlobalValue::InternalLinkage);
  return constants;
}

}  // namespace

std::set<int> CalledKernels(const KernelProgram& program) {
  std::set<int> called;
  for (const EntryProgram& entry : program.entries) CollectCalled(entry.steps, called);
  return called;
}

std::unique_ptr<llvm::Module> EmitModule(llvm::LLVMContext& context, const KernelProgram& program,
                                         const Target& target, const CodegenOptions& options,
                                         const llvm::DataLayout& layout, const DataSymbols* data) {
  auto module = NewModule(context, program.prefix, options, layout);
  for (const int number : CalledKernels(program)) {
    const Kernel& kernel = program.kernels[number];
    if (data == nullptr)
      CodeOf(kernel).emit(*module, target, kernel);
    else
      DeclareKernel(*module, target, kernel);
  }
  llvm::GlobalVariable* constants = EmitConstants(*module, program, data);
  llvm::Function* dispatch = EmitDispatch(*module, target);
  std::vector<EmittedEntry> entries;
  for (const EntryProgram& entry : program.entries)
    entries.push_back(EmitEntry({*module, program, target, options.sanitizer, options.reports_calls,
                                 options.calls_hooks, dispatch, constants},
                                entry));
  EmitProgramTable(*module, program, target, options, entries, data);
  return module;
}

std::unique_ptr<llvm::Module> EmitKernelModule(llvm::LLVMContext& context, const Kernel& kernel,
                                               const Target& target, const CodegenOptions& options,
                                               const llvm::DataLayout& layout) {
  auto module = NewModule(context, kKernelSymbol, options, layout);
  Kernel nameless = kernel;
  nameless.name = kKernelSymbol;
  CodeOf(kernel).emit(*module, target, nameless);
  return module;
}

std::unique_ptr<llvm::Module> EmitDataModule(llvm::LLVMContext& context,
                                             std::span<const TargetedProgram> programs,
                                             std::span<const DataSymbols> data,
                                             const CodegenOptions& options,
                                             const llvm::DataLayout& layout) {
  auto module = NewModule(context, "data", options, layout);
  if (!data[0].weights.empty()) DefineBytes(*module, options.weights, data[0].weights);
  if (!data[0].onnx.empty())
    DefineOnnxTable(*module, *options.onnx, *programs[0].program, data[0].onnx);
  for (size_t i = 0; i < programs.size(); ++i) {
    const std::string& constants = data[i].constants;
    if (!constants.empty() && module->getNamedValue(constants) == nullptr)
      DefineBytes(*module, programs[i].program->constants.bytes(), constants);
  }
  EmitProgramList(*module, programs);
  return module;
}

}  // namespace descent
