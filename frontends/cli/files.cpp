#include "frontends/cli/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "frontends/cli/runtime_result.h"

namespace descent::cli {

std::unexpected<Diagnostic> FileError(std::string_view what, const std::string& path) {
  return ErrorWithStatus(ExitStatus::kIo, "cannot {} {}: {}", what, Quoted(path),
                         std::strerror(errno));
}

Result<void> WriteOutput(const std::string& path, std::string_view content) {
  if (path.empty() || path == "-") {
    std::fwrite(content.data(), 1, content.size(), stdout);
    return {};
  }
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  if (file == nullptr) return FileError("write", path);
  const bool written = std::fwrite(content.data(), 1, content.size(), file.get()) == content.size();
  if (!written || std::fclose(file.release()) != 0) return FileError("write", path);
  return {};
}

Result<void> CheckOutput(const std::string& path, const std::vector<runtime::NamedFile>& inputs) {
  if (path.empty() || path == "-") return {};
  return FromRuntime(runtime::CheckOutputs({{"--output", path}}, inputs));
}

}  // namespace descent::cli
