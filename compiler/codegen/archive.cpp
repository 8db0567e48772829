#include "compiler/codegen/archive.h"

#include <llvm/Object/ArchiveWriter.h>
#include <llvm/Support/MemoryBuffer.h>

namespace descent {

Result<std::vector<char>> MakeArchive(std::span<const char> object, const std::string& member) {
  const llvm::MemoryBufferRef content(llvm::StringRef(object.data(), object.size()), member);
  std::vector<llvm::NewArchiveMember> members;
  members.emplace_back(content);
  auto archive = llvm::writeArchiveToBuffer(members, llvm::SymtabWritingMode::NormalSymtab,
                                            llvm::object::Archive::K_GNU, /*Deterministic=*/true,
                                            /*Thin=*/false);
  if (!archive)
    return ErrorWithStatus(ExitStatus::kInternal, "cannot make an archive: {}",
                           llvm::toString(archive.takeError()));
  const llvm::StringRef bytes = (*archive)->getBuffer();
  return std::vector<char>(bytes.begin(), bytes.end());
}

}  // namespace descent
