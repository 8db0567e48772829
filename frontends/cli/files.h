// Writing what the command gives: "-" is standard output.
#pragma once

#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/diagnostic.h"
#include "runtime/overwrite.h"

namespace descent::cli {

/// As fmt::print, which would throw when the disk is full: main() reports that once, at the end.
template <typename... Args>
void PrintTo(std::FILE* stream, fmt::format_string<Args...> format, Args&&... args) {
  const std::string text = fmt::format(format, std::forward<Args>(args)...);
  std::fwrite(text.data(), 1, text.size(), stream);
}
template <typename... Args>
void Print(fmt::format_string<Args...> format, Args&&... args) {
  PrintTo(stdout, format, std::forward<Args>(args)...);
}
template <typename... Args>
void PrintError(fmt::format_string<Args...> format, Args&&... args) {
  PrintTo(stderr, format, std::forward<Args>(args)...);
}

/// Writes a whole file or leaves the old one as it was; standard output for "" and "-".
Result<void> WriteOutput(const std::string& path, std::string_view content);

/// A usage error where the output "", "-" or a path is the file of one of the inputs.
Result<void> CheckOutput(const std::string& path, const std::vector<runtime::NamedFile>& inputs);

/// A usage error where the name ends like files of a kind that `maker` ("descent import") does not
/// make: x.h is no model. `own` are the endings of what it makes; names that say nothing are free.
Result<void> CheckEnding(const std::string& path, std::string_view maker,
                         std::initializer_list<std::string_view> own);

/// A status kIo diagnostic "cannot <what> <path>: <errno's message>".
std::unexpected<Diagnostic> FileError(std::string_view what, const std::string& path);

}  // namespace descent::cli
