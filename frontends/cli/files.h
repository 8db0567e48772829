// Reading and writing what the command is given: "-" is standard input or output.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "ir/diagnostic.h"

namespace descent::cli {

/// All of standard input, at most `limit_bytes`.
Result<std::string> ReadStandardInput(int64_t limit_bytes);

/// Writes a whole file, or standard output for "" and "-".
Result<void> WriteOutput(const std::string& path, std::string_view content);

/// A status kIo diagnostic "cannot <what> <path>: <errno's message>".
std::unexpected<Diagnostic> FileError(std::string_view what, const std::string& path);

}  // namespace descent::cli
