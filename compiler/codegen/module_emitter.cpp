#include "compiler/codegen/module_emitter.h"

#include <map>
#include <set>

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

llvm::GlobalVariable* EmitConstants(llvm::Module& module, const KernelProgram& program) {
  if (program.constants.empty()) return nullptr;
  const llvm::StringRef raw(reinterpret_cast<const char*>(program.constants.bytes().data()),
                            program.constants.bytes().size());
  auto* data =
      llvm::ConstantDataArray::getRaw(raw, raw.size(), llvm::Type::getInt8Ty(module.getContext()));
  auto* constants =
      new llvm::GlobalVariable(module, data->getType(), true, llvm::GlobalValue::InternalLinkage,
                               data, program.prefix + "_constants");
  constants->setAlignment(llvm::Align(DESCENT_ALIGNMENT));
  return constants;
}

}  // namespace

std::unique_ptr<llvm::Module> EmitModule(llvm::LLVMContext& context, const KernelProgram& program,
                                         const Target& target, const CodegenOptions& options,
                                         const llvm::DataLayout& layout, ModulePart part) {
  auto module = std::make_unique<llvm::Module>(program.prefix, context);
  module->setTargetTriple(kTriple);
  module->setDataLayout(layout);
  if (options.position_independent) module->setPICLevel(llvm::PICLevel::BigPIC);

  std::set<int> called;
  for (const EntryProgram& entry : program.entries) CollectCalled(entry.steps, called);
  // Kernels of a form, which cost alike, are dealt out in turn.
  std::map<size_t, int> dealt;
  for (int number : called) {
    const Kernel& kernel = program.kernels[number];
    if (dealt[kernel.form.index()]++ % part.count == part.number)
      CodeOf(kernel).emit(*module, target, kernel);
    else if (part.number == 0)
      DeclareKernel(*module, target, kernel);
  }
  if (part.number != 0) return module;
  llvm::GlobalVariable* constants = EmitConstants(*module, program);
  llvm::Function* dispatch = EmitDispatch(*module, target);
  std::vector<EmittedEntry> entries;
  for (const EntryProgram& entry : program.entries)
    entries.push_back(EmitEntry(
        {*module, program, target, options.sanitizer, options.reports_calls, dispatch, constants},
        entry));
  EmitProgramTable(*module, program, target, options, entries);
  return module;
}

}  // namespace descent
