#include "frontends/cli/files.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "compiler/codegen/link.h"
#include "frontends/cli/command.h"
#include "frontends/cpp/runtime_result.h"
#include "runtime/file.h"
#include "runtime/partial_file.h"

namespace descent::cli {
namespace {

// CheckOutputs knows the runtime's; neither side may include the other.
static_assert(kPartialSuffix == runtime::kPartialSuffix);

/// Where a link leads in the end, there or not, so that writing goes through it. Those of /dev
/// stay: behind them stand the command's own streams.
std::string BehindLinks(std::string path) {
  namespace fs = std::filesystem;
  constexpr int kMost = 40;  // as many as the system follows
  std::error_code error;
  for (int i = 0; i < kMost && !path.starts_with("/dev/") && fs::is_symlink(path, error); ++i)
    path = fs::path(path).parent_path() / fs::read_symlink(path, error);
  return path;
}

/// Endings that say what a file holds, of what Descent reads and writes and of what stands beside.
struct Ending {
  std::string_view ending, what;
};
constexpr Ending kEndings[] = {
    {".descent", "a model as text"},
    {".pb", "a model as binary proto"},
    {".pbtxt", "a model as proto text"},
    {".onnx", "an ONNX model"},
    {".safetensors", "a file of parameters"},
    {".npy", "an array"},
    {".npz", "arrays"},
    {".csv", "a table"},
    {".jsonl", "a log"},
    {".json", "JSON"},
    {".svg", "a picture"},
    {".o", "an object"},
    {".a", "a static library"},
    {".so", "a shared library"},
    {".h", "a C header"},
    {".hpp", "a C++ header"},
    {".c", "C source"},
    {".cpp", "C++ source"},
    {".cc", "C++ source"},
    {".py", "Python source"},
    {".kernels", "kernels as text"},
    {".tune", "a tuning"},
    {".ll", "LLVM IR"},
    {".s", "assembly"},
};

}  // namespace

Result<void> CheckEnding(const std::string& path, std::string_view maker,
                         std::initializer_list<std::string_view> own) {
  const auto* known = std::ranges::find_if(
      kEndings, [&](const Ending& ending) { return path.ends_with(ending.ending); });
  if (known == std::end(kEndings) || std::ranges::find(own, known->ending) != own.end()) return {};
  return UsageError(
      fmt::format("{} is a name for {}, which {} does not make", Quoted(path), known->what, maker),
      own.size() == 0 ? "leave out the ending"
                      : fmt::format("let it end in {}", fmt::join(own, " or ")));
}

std::unexpected<Diagnostic> FileError(std::string_view what, const std::string& path) {
  return ErrorWithStatus(ExitStatus::kIo, "cannot {} {}: {}", what, Quoted(path),
                         std::strerror(errno));
}

Result<void> WriteOutput(const std::string& path, std::string_view content) {
  if (path.empty() || path == "-") {
    std::fwrite(content.data(), 1, content.size(), stdout);
    return {};
  }
  const std::string target = BehindLinks(path);
  if (runtime::FileExists(target) && access(target.c_str(), W_OK) != 0)
    return FileError("write", path);
  return WriteFileAtomically(content, target);
}

Result<void> CheckOutput(const std::string& path, const std::vector<runtime::NamedFile>& inputs) {
  if (path.empty() || path == "-") return {};
  return FromRuntime(runtime::CheckOutputs({{"--output", path}}, inputs));
}

}  // namespace descent::cli
