// A folder that is gone, with the files in it, when its owner is destroyed.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "ir/diagnostic.h"

namespace descent::cli {

class TemporaryFolder {
 public:
  /// In $TMPDIR, or /tmp.
  static Result<TemporaryFolder> Make();
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() { Remove(); }

  std::string File(std::string_view name) const { return path_ + "/" + std::string(name); }
  void Remove();

 private:
  TemporaryFolder() = default;
  std::string path_;
};

}  // namespace descent::cli
