#include "frontends/cli/run/output_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "frontends/cli/files.h"

namespace descent::cli {
namespace {

constexpr int64_t kPrintedElements = 100;

Result<void> MakeFolder(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  if (mkdir(path.c_str(), 0777) != 0) return FileError("make the folder", path);
  return {};
}

}  // namespace

std::string FileOf(const std::string& folder, std::string name) {
  std::ranges::replace(name, '/', '_');
  return fmt::format("{}/{}.npy", folder, name);
}

Result<void> WriteFiles(const std::string& folder, std::vector<runtime::NamedFile> read,
                        const std::vector<InputArgument>& inputs,
                        const std::vector<OutputFile>& files) {
  DESCENT_RETURN_IF_ERROR(MakeFolder(folder));
  for (const InputArgument& input : inputs) read.push_back({"INPUT", input.file});
  for (const OutputFile& file : files) DESCENT_RETURN_IF_ERROR(CheckOutput(file.path, read));
  for (const auto& [path, value, name] : files) {
    DESCENT_RETURN_IF_ERROR(WriteNpyFile(path, value->value));
    Print("{}: {}{}\n", path, name, ToString(value->value.type()));
  }
  return {};
}

void PrintTensor(const NamedTensor& value) {
  Print("{}: {} = {}\n", value.name, ToString(value.value.type()),
        PrintValues(value.value, kPrintedElements));
}

}  // namespace descent::cli
