// ModuleWriter: LLVM modules as objects, assembly or text, with the target machine and the passes
// that all of them share. Internal to compiler/codegen (sees LLVM).
#pragma once

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/CodeGen.h>
#include <llvm/Target/TargetMachine.h>

#include <memory>
#include <string>
#include <vector>

#include "compiler/codegen/codegen.h"

namespace descent {

/// For modules of one target, on one thread.
class ModuleWriter {
 public:
  static Result<ModuleWriter> Make(const Target& target, const CodegenOptions& options);

  llvm::DataLayout Layout() const { return machine_->createDataLayout(); }
  /// Checks what was emitted, optimizes and instruments it.
  void Finish(llvm::Module& module) const;
  /// Of a finished module.
  Result<llvm::SmallVector<char, 0>> Write(llvm::Module& module, llvm::CodeGenFileType type) const;
  /// Of a module as it was emitted: an object, made or found in the cache of the options.
  Result<std::vector<char>> Object(llvm::Module& module) const;

 private:
  ModuleWriter(std::unique_ptr<llvm::TargetMachine> machine, const CodegenOptions& options)
      : machine_(std::move(machine)), options_(&options) {}
  /// Of everything that decides the bytes of the module's object.
  std::string KeyOf(const llvm::Module& module) const;

  std::unique_ptr<llvm::TargetMachine> machine_;
  const CodegenOptions* options_;
};

}  // namespace descent
