#include "compiler/codegen/codegen.h"

#include <llvm/ADT/SmallString.h>
#include <llvm/CodeGen/TargetPassConfig.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/PassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Target/TargetOptions.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Instrumentation/AddressSanitizer.h>
#include <llvm/Transforms/Instrumentation/ThreadSanitizer.h>
#include <llvm/Transforms/Scalar/DCE.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>

#include <future>
#include <mutex>

#include "compiler/codegen/module_emitter.h"

namespace descent {
namespace {

constexpr const char* kTriple = "x86_64-pc-linux-gnu";

/// LLVM's own options, once a process: emitted addresses are already in the form that loop strength
/// reduction would look for, at a third of the compile time.
void InitializeLlvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    auto& options = llvm::cl::getRegisteredOptions();
    if (auto found = options.find("disable-lsr"); found != options.end())
      static_cast<llvm::cl::opt<bool>*>(found->second)->setValue(true);
  });
}

Result<std::unique_ptr<llvm::TargetMachine>> MakeTargetMachine(const Target& target,
                                                               const CodegenOptions& options) {
  InitializeLlvm();
  std::string message;
  const llvm::Target* backend = llvm::TargetRegistry::lookupTarget(kTriple, message);
  if (!backend)
    return ErrorWithStatus(ExitStatus::kInternal, "LLVM has no back end for {}: {}", kTriple,
                           message);
  llvm::TargetOptions settings;
  settings.AllowFPOpFusion =
      llvm::FPOpFusion::Strict;  // products and sums fuse only where the IR says fma
  settings.NoTrappingFPMath = true;
  const auto relocation = options.position_independent ? llvm::Reloc::PIC_ : llvm::Reloc::Static;
  return std::unique_ptr<llvm::TargetMachine>(
      backend->createTargetMachine(kTriple, target.llvm_cpu, "", settings, relocation,
                                   llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
}

/// ThreadSanitizer's pass leaves out accesses of more than 16 bytes, as most vectors are.
void ReportWideAccesses(llvm::Module& module) {
  for (llvm::Function& function : module)
    for (llvm::Instruction& instruction : llvm::instructions(function)) {
      llvm::Value* address = llvm::getLoadStorePointerOperand(&instruction);
      if (!address) continue;
      const uint64_t bytes =
          module.getDataLayout().getTypeStoreSize(llvm::getLoadStoreType(&instruction));
      if (bytes <= 16) continue;
      llvm::IRBuilder<> b(&instruction);
      const char* name =
          llvm::isa<llvm::LoadInst>(instruction) ? "__tsan_read_range" : "__tsan_write_range";
      const auto report =
          module.getOrInsertFunction(name, b.getVoidTy(), b.getPtrTy(), b.getInt64Ty());
      b.CreateCall(report, {address, b.getInt64(bytes)});
    }
}

void Instrument(llvm::Module& module, llvm::ModuleAnalysisManager& modules, Sanitizer sanitizer) {
  llvm::ModulePassManager passes;
  if (sanitizer == Sanitizer::kAddress)
    passes.addPass(llvm::AddressSanitizerPass(llvm::AddressSanitizerOptions()));
  if (sanitizer == Sanitizer::kThread) {
    ReportWideAccesses(module);
    passes.addPass(llvm::ModuleThreadSanitizerPass());
    passes.addPass(llvm::createModuleToFunctionPassAdaptor(llvm::ThreadSanitizerPass()));
  }
  passes.run(module, modules);
}

/// Few passes: the emitters produce what vectorizers and unrollers would have to find.
void Optimize(llvm::Module& module, llvm::TargetMachine& machine, Sanitizer sanitizer) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);

  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/false));
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(
      llvm::LICMPass(llvm::LICMOptions()), /*UseMemorySSA=*/true, /*UseBlockFrequencyInfo=*/false));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::DCEPass());
  llvm::ModulePassManager all;
  all.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  all.run(module, modules);
  Instrument(module, modules, sanitizer);
}

void MarkForSanitizer(llvm::Module& module, Sanitizer sanitizer) {
  static constexpr llvm::Attribute::AttrKind kAttributes[] = {
      llvm::Attribute::None, llvm::Attribute::SanitizeAddress, llvm::Attribute::SanitizeThread};
  if (sanitizer == Sanitizer::kNone) return;
  for (llvm::Function& function : module)
    if (!function.isDeclaration()) function.addFnAttr(kAttributes[static_cast<int>(sanitizer)]);
}

/// A module, optimized, with what it needs to live.
struct Compilation {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<llvm::Module> module;
};

Result<Compilation> Compile(const KernelProgram& program, const Target& target,
                            const CodegenOptions& options, ModulePart part = {}) {
  Compilation result;
  DESCENT_TRY(machine, MakeTargetMachine(target, options));
  result.machine = std::move(machine);
  result.context = std::make_unique<llvm::LLVMContext>();
  result.module = EmitModule(*result.context, program, target, options,
                             result.machine->createDataLayout(), part);
  std::string violation;
  llvm::raw_string_ostream stream(violation);
  if (llvm::verifyModule(*result.module, &stream))
    InternalError(__FILE__, __LINE__, "emitted IR is invalid: " + violation);
  MarkForSanitizer(*result.module, options.sanitizer);
  Optimize(*result.module, *result.machine, options.sanitizer);
  return result;
}

Result<llvm::SmallVector<char, 0>> Generate(const KernelProgram& program, const Target& target,
                                            const CodegenOptions& options,
                                            llvm::CodeGenFileType type, ModulePart part = {}) {
  DESCENT_TRY(compilation, Compile(program, target, options, part));
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (compilation.machine->addPassesToEmitFile(passes, stream, nullptr, type))
    return ErrorWithStatus(ExitStatus::kInternal, "LLVM cannot write this file type");
  passes.run(*compilation.module);
  return bytes;
}

}  // namespace

Result<std::string> EmitLlvmText(const KernelProgram& program, const Target& target,
                                 const CodegenOptions& options) {
  DESCENT_TRY(compilation, Compile(program, target, options));
  std::string text;
  llvm::raw_string_ostream stream(text);
  compilation.module->print(stream, nullptr);
  return text;
}

Result<std::string> EmitAssembly(const KernelProgram& program, const Target& target,
                                 const CodegenOptions& options) {
  DESCENT_TRY(bytes, Generate(program, target, options, llvm::CodeGenFileType::AssemblyFile));
  return std::string(bytes.begin(), bytes.end());
}

Result<std::vector<char>> EmitObject(const KernelProgram& program, const Target& target,
                                     const CodegenOptions& options) {
  DESCENT_TRY(bytes, Generate(program, target, options, llvm::CodeGenFileType::ObjectFile));
  return std::vector<char>(bytes.begin(), bytes.end());
}

Result<std::vector<std::vector<char>>> EmitObjects(const KernelProgram& program,
                                                   const Target& target,
                                                   const CodegenOptions& options) {
  constexpr int kObjects = 2;  // whatever the machine: the same input gives the same bytes
  using Bytes = Result<llvm::SmallVector<char, 0>>;
  std::vector<std::future<Bytes>> parts;
  for (int number = 0; number < kObjects; ++number)
    parts.push_back(std::async(std::launch::async, [&, number] {
      return Generate(program, target, options, llvm::CodeGenFileType::ObjectFile,
                      {number, kObjects});
    }));
  std::vector<std::vector<char>> objects;
  for (std::future<Bytes>& part : parts) {
    DESCENT_TRY(bytes, part.get());
    objects.emplace_back(bytes.begin(), bytes.end());
  }
  return objects;
}

std::string_view LlvmVersion() { return LLVM_VERSION_STRING; }

}  // namespace descent
