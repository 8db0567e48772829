#include "compiler/codegen/rename_symbol.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/ObjCopy/ConfigManager.h>
#include <llvm/ObjCopy/ObjCopy.h>
#include <llvm/Object/Binary.h>
#include <llvm/Support/MemoryBufferRef.h>
#include <llvm/Support/raw_ostream.h>

namespace descent {
namespace {

std::unexpected<Diagnostic> FromLlvm(llvm::Error error) {
  return ErrorWithStatus(ExitStatus::kInternal, "cannot name a generated kernel: {}",
                         llvm::toString(std::move(error)));
}

}  // namespace

Result<std::vector<char>> RenameSymbol(std::span<const char> object, std::string_view from,
                                       std::string_view to) {
  auto binary =
      llvm::object::createBinary(llvm::MemoryBufferRef({object.data(), object.size()}, "kernel"));
  if (!binary) return FromLlvm(binary.takeError());
  llvm::objcopy::ConfigManager config;
  config.Common.SymbolsToRename[llvm::StringRef(from)] = llvm::StringRef(to);
  llvm::SmallVector<char, 0> renamed;
  llvm::raw_svector_ostream stream(renamed);
  if (auto error = llvm::objcopy::executeObjcopyOnBinary(config, **binary, stream))
    return FromLlvm(std::move(error));
  return std::vector<char>(renamed.begin(), renamed.end());
}

}  // namespace descent
