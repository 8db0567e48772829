// An object file with another name for one of its symbols. Knows LLVM inside only.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/diagnostic.h"

namespace descent {

/// The same object, except that the symbol `from` is called `to`.
Result<std::vector<char>> RenameSymbol(std::span<const char> object, std::string_view from,
                                       std::string_view to);

}  // namespace descent
