#include "compiler/codegen/module_writer.h"

#include <llvm/ADT/SmallString.h>
#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/CodeGen/TargetPassConfig.h>
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

#include <mutex>

#include "compiler/codegen/object_cache.h"

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

}  // namespace

Result<ModuleWriter> ModuleWriter::Make(const Target& target, const CodegenOptions& options) {
  DESCENT_TRY(machine, MakeTargetMachine(target, options));
  return ModuleWriter(std::move(machine), options);
}

void ModuleWriter::Finish(llvm::Module& module) const {
  std::string violation;
  llvm::raw_string_ostream stream(violation);
  if (llvm::verifyModule(module, &stream))
    InternalError(__FILE__, __LINE__, "emitted IR is invalid: " + violation);
  MarkForSanitizer(module, options_->sanitizer);
  Optimize(module, *machine_, options_->sanitizer);
}

Result<llvm::SmallVector<char, 0>> ModuleWriter::Write(llvm::Module& module,
                                                       llvm::CodeGenFileType type) const {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine_->addPassesToEmitFile(passes, stream, nullptr, type))
    return ErrorWithStatus(ExitStatus::kInternal, "LLVM cannot write this file type");
  passes.run(module);
  return bytes;
}

std::string ModuleWriter::KeyOf(const llvm::Module& module) const {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  // What the module does not say; what optimizes and writes it is part of every key.
  stream << machine_->getTargetCPU() << ' ' << options_->position_independent << ' '
         << static_cast<int>(options_->sanitizer) << '\n';
  llvm::WriteBitcodeToFile(module, stream);
  return options_->cache->KeyOf({bytes.data(), bytes.size()});
}

Result<std::vector<char>> ModuleWriter::Object(llvm::Module& module) const {
  std::string key;
  if (options_->cache != nullptr) {
    key = KeyOf(module);
    if (auto object = options_->cache->Find(key)) return *std::move(object);
  }
  Finish(module);
  DESCENT_TRY(bytes, Write(module, llvm::CodeGenFileType::ObjectFile));
  std::vector<char> object(bytes.begin(), bytes.end());
  if (options_->cache != nullptr) DESCENT_RETURN_IF_ERROR(options_->cache->Store(key, object));
  return object;
}

}  // namespace descent
