#include "runtime/overwrite.h"

#include <sys/stat.h>

#include <string_view>

#include "runtime/file.h"

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

Result<void> CheckOutputs(const std::vector<NamedFile>& outputs,
                          const std::vector<NamedFile>& inputs) {
  for (const NamedFile& output : outputs) {
    for (const NamedFile& input : inputs)
      if (SameFile(output.path, input.path))
        return WithHint(FailWith(ExitStatus::kUsage, "", "{} would overwrite {}, the file of {}",
                                 output.option, Quoted(input.path), input.option),
                        "write to another file");
    for (const NamedFile& other : outputs)
      if (&other < &output && other.option != output.option && SameFile(output.path, other.path))
        return WithHint(FailWith(ExitStatus::kUsage, "", "{} and {} would both write {}",
                                 other.option, output.option, Quoted(output.path)),
                        "write to two files");
  }
  return {};
}

}  // namespace descent::runtime
