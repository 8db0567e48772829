#include "runtime/overwrite.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "runtime/file.h"
#include "runtime/partial_file.h"

namespace descent::runtime {
namespace {

bool SameNode(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

std::string_view NameOf(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

bool SameFile(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return false;
  struct stat of_a, of_b;
  const bool is_a = stat(a.c_str(), &of_a) == 0, is_b = stat(b.c_str(), &of_b) == 0;
  if (is_a && is_b) return S_ISREG(of_a.st_mode) && SameNode(of_a, of_b);
  if (is_a || is_b || NameOf(a) != NameOf(b)) return false;
  return stat(FolderOf(a).c_str(), &of_a) == 0 && stat(FolderOf(b).c_str(), &of_b) == 0 &&
         SameNode(of_a, of_b);
}

namespace {

NamedFile ThisProgram() {
  std::array<char, 4096> path;
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  return {"this program", std::string(path.data(), size < 0 ? 0 : static_cast<size_t>(size))};
}

/// A file is written under its partial name first.
std::vector<NamedFile> WithPartials(const std::vector<NamedFile>& outputs) {
  std::vector<NamedFile> all;
  for (const NamedFile& output : outputs) {
    if (output.path.empty()) continue;
    all.push_back(output);
    all.push_back({output.option, PartialPath(output.path)});
  }
  return all;
}

}  // namespace

Result<void> CheckOutputs(const std::vector<NamedFile>& outputs,
                          const std::vector<NamedFile>& read) {
  std::vector<NamedFile> inputs = read;
  inputs.push_back(ThisProgram());
  const std::vector<NamedFile> written = WithPartials(outputs);
  for (const NamedFile& output : written) {
    for (const NamedFile& input : inputs)
      if (SameFile(output.path, input.path))
        return WithHint(FailWith(ExitStatus::kUsage, "", "{} would overwrite {}, the file of {}",
                                 output.option, Quoted(input.path), input.option),
                        "write to another file");
    for (const NamedFile& other : written)
      if (&other < &output && other.option != output.option && SameFile(output.path, other.path))
        return WithHint(FailWith(ExitStatus::kUsage, "", "{} and {} would both write {}",
                                 other.option, output.option, Quoted(output.path)),
                        "write to two files");
  }
  return {};
}

}  // namespace descent::runtime
