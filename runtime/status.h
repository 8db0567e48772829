// Errors of the runtime as values: what is wrong, in which file and line, which rule, what to do.
//
//   Result<Dataset> ReadCsv(...);
//   auto data = ReadCsv(...);
//   if (!data) return std::unexpected(data.error());
//
// Nothing a user can cause is an exception or a crash. A Failure prints on one line and carries the
// exit status it leads to.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace descent::runtime {

/// Exit statuses of a produced executable.
enum class ExitStatus : int {
  kGood = 0,
  kInvalid = 1,      ///< diagnosed input: data, checkpoint, CPU
  kUsage = 2,        ///< command line
  kUnsupported = 3,  ///< valid input of a type or version we do not have
  kIo = 4,
  kDiverged = 5,
  kInternal = 70,
  kInterrupted = 130,
};

struct Failure {
  std::string message;  ///< what is wrong and which rule it breaks; one line, no full stop
  std::string file = {};
  int64_t line = 0;       ///< counts from 1; 0: none
  std::string hint = {};  ///< what to do; may be empty
  ExitStatus status = ExitStatus::kInvalid;

  /// "iris.csv: line 7: message (hint)".
  std::string ToString() const {
    std::string text;
    if (!file.empty()) text += file + ": ";
    if (line > 0) text += fmt::format("line {}: ", line);
    text += message;
    if (!hint.empty()) text += " (" + hint + ")";
    return text;
  }
};

template <typename T>
using Result = std::expected<T, Failure>;

/// A failed Result: `return Fail(path, "rank {} is above {}", rank, limit);`. `file` may be empty.
template <typename... Args>
std::unexpected<Failure> Fail(std::string_view file, fmt::format_string<Args...> format,
                              Args&&... args) {
  return std::unexpected(Failure{.message = fmt::format(format, std::forward<Args>(args)...),
                                 .file = std::string(file)});
}

template <typename... Args>
std::unexpected<Failure> FailWith(ExitStatus status, std::string_view file,
                                  fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Failure{.message = fmt::format(format, std::forward<Args>(args)...),
                                 .file = std::string(file),
                                 .status = status});
}

template <typename... Args>
std::unexpected<Failure> FailAt(std::string_view file, int64_t line,
                                fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Failure{.message = fmt::format(format, std::forward<Args>(args)...),
                                 .file = std::string(file),
                                 .line = line});
}

/// `failure` with a hint: `return WithHint(Fail(...), "give --test-data")`.
inline std::unexpected<Failure> WithHint(std::unexpected<Failure> failure, std::string hint) {
  Failure with = std::move(failure).error();
  with.hint = std::move(hint);
  return std::unexpected(std::move(with));
}

/// `name` made safe to print: quoted, with control characters, quotes and backslashes escaped, and
/// cut at 80 characters.
inline std::string Quoted(std::string_view name) {
  std::string text = "'";
  for (unsigned char c : name.substr(0, 80)) {
    if (c < 0x20 || c == 0x7f) {
      text += fmt::format("\\x{:02x}", c);
    } else {
      if (c == '\'' || c == '\\') text += '\\';
      text += static_cast<char>(c);
    }
  }
  return text + (name.size() > 80 ? "...'" : "'");
}

/// "1 epoch", "2 epochs".
inline std::string Counted(int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace descent::runtime
