#include "compiler/codegen/object_loader.h"

#include <llvm/ExecutionEngine/JITLink/EHFrameSupport.h>
#include <llvm/ExecutionEngine/Orc/ExecutionUtils.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>

namespace descent {
namespace {

std::unexpected<Diagnostic> FromLlvm(llvm::Error error) {
  return ErrorWithStatus(ExitStatus::kInternal, "cannot load generated code: {}",
                         llvm::toString(std::move(error)));
}

}  // namespace

struct ObjectLoader::Engine {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

ObjectLoader::ObjectLoader(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
ObjectLoader::ObjectLoader(ObjectLoader&&) noexcept = default;
ObjectLoader& ObjectLoader::operator=(ObjectLoader&&) noexcept = default;
ObjectLoader::~ObjectLoader() = default;

Result<ObjectLoader> ObjectLoader::Load(std::span<const char> object, const HostSymbols& symbols) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  llvm::orc::LLJITBuilder builder;
  builder.setPlatformSetUp(llvm::orc::setUpInactivePlatform);
  builder.setObjectLinkingLayerCreator(
      [](llvm::orc::ExecutionSession& session, const llvm::Triple&) {
        return std::make_unique<llvm::orc::ObjectLinkingLayer>(session);
      });
  auto jit = builder.create();
  if (!jit) return FromLlvm(jit.takeError());
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      (*jit)->getDataLayout().getGlobalPrefix());
  if (!process) return FromLlvm(process.takeError());
  (*jit)->getMainJITDylib().addGenerator(std::move(*process));
  llvm::orc::SymbolMap known;
  for (const auto& [name, address] : symbols)
    known[(*jit)->mangleAndIntern(name)] = {llvm::orc::ExecutorAddr::fromPtr(address),
                                            llvm::JITSymbolFlags::Exported};
  if (auto error = (*jit)->getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(known))))
    return FromLlvm(std::move(error));
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy({object.data(), object.size()}, "descent");
  if (auto error = (*jit)->addObjectFile(std::move(buffer))) return FromLlvm(std::move(error));
  return ObjectLoader(std::make_unique<Engine>(std::move(*jit)));
}

Result<void*> ObjectLoader::Find(const std::string& symbol) {
  auto address = engine_->jit->lookup(symbol);
  if (!address) return FromLlvm(address.takeError());
  return address->toPtr<void*>();
}

}  // namespace descent
