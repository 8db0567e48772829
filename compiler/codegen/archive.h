// Static libraries in memory. Internal to compiler/codegen.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/diagnostic.h"

namespace descent {

/// An ar archive with a symbol index that holds `object` under the name `member`; no times, owners
/// or modes.
Result<std::vector<char>> MakeArchive(std::span<const char> object, const std::string& member);

}  // namespace descent
