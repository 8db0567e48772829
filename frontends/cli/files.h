// Writing what the command gives: "-" is standard output.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "ir/diagnostic.h"

namespace descent::cli {

/// Writes a whole file, or standard output for "" and "-".
Result<void> WriteOutput(const std::string& path, std::string_view content);

/// A status kIo diagnostic "cannot <what> <path>: <errno's message>".
std::unexpected<Diagnostic> FileError(std::string_view what, const std::string& path);

}  // namespace descent::cli
