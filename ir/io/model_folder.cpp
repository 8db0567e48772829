#include "ir/io/model_folder.h"

#include <algorithm>

namespace descent {

namespace fs = std::filesystem;

std::optional<fs::path> PathInFolder(const fs::path& folder, const std::string& file) {
  std::error_code error;
  const fs::path root = fs::canonical(folder.empty() ? "." : folder, error);
  fs::path path = fs::weakly_canonical(root / file, error);
  const auto [end, rest] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  if (error || end != root.end() || fs::path(file).is_absolute()) return std::nullopt;
  return path;
}

}  // namespace descent
