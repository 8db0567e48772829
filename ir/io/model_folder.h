// Files that a model names: they lie in its folder.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace descent {

/// Where `file`, as a model in `folder` ("": the current one) names it, lies; nullopt where that is
/// outside of the folder, by "..", by links or as an absolute path.
std::optional<std::filesystem::path> PathInFolder(const std::filesystem::path& folder,
                                                  const std::string& file);

}  // namespace descent
