// What `descent --version` prints.
#pragma once

#include <string>
#include <string_view>

namespace descent::cli {

std::string VersionText();
/// "0.1.0"
std::string_view ReleaseVersion();

}  // namespace descent::cli
