#include "frontends/cli/temporary_folder.h"

#include <cstdlib>
#include <filesystem>

#include "frontends/cli/files.h"

namespace descent::cli {

Result<TemporaryFolder> TemporaryFolder::Make() {
  const char* parent = std::getenv("TMPDIR");
  TemporaryFolder folder;
  folder.path_ =
      std::string(parent != nullptr && *parent != '\0' ? parent : "/tmp") + "/descent-XXXXXX";
  if (mkdtemp(folder.path_.data()) == nullptr) {
    const std::string path = std::move(folder.path_);
    folder.path_.clear();
    return FileError("make the temporary folder", path);
  }
  return folder;
}

void TemporaryFolder::Remove() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
  path_.clear();
}

}  // namespace descent::cli
