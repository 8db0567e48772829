#include "compiler/codegen/codegen.h"

#include <llvm/Config/llvm-config.h>
#include <llvm/Support/raw_ostream.h>

#include <memory>

#include "compiler/codegen/module_emitter.h"
#include "compiler/codegen/module_writer.h"

namespace descent {
namespace {

/// A whole program as one module, with what it needs to live.
struct Emission {
  ModuleWriter writer;
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
};

Result<Emission> Emit(const KernelProgram& program, const Target& target,
                      const CodegenOptions& options) {
  DESCENT_TRY(writer, ModuleWriter::Make(target, options));
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = EmitModule(*context, program, target, options, writer.Layout());
  return Emission{std::move(writer), std::move(context), std::move(module)};
}

}  // namespace

Result<std::string> EmitLlvmText(const KernelProgram& program, const Target& target,
                                 const CodegenOptions& options) {
  DESCENT_TRY(emission, Emit(program, target, options));
  emission.writer.Finish(*emission.module);
  std::string text;
  llvm::raw_string_ostream stream(text);
  emission.module->print(stream, nullptr);
  return text;
}

Result<std::string> EmitAssembly(const KernelProgram& program, const Target& target,
                                 const CodegenOptions& options) {
  DESCENT_TRY(emission, Emit(program, target, options));
  emission.writer.Finish(*emission.module);
  DESCENT_TRY(bytes, emission.writer.Write(*emission.module, llvm::CodeGenFileType::AssemblyFile));
  return std::string(bytes.begin(), bytes.end());
}

Result<std::vector<char>> EmitObject(const KernelProgram& program, const Target& target,
                                     const CodegenOptions& options) {
  DESCENT_TRY(emission, Emit(program, target, options));
  return emission.writer.Object(*emission.module);
}

std::string_view LlvmVersion() { return LLVM_VERSION_STRING; }

}  // namespace descent
