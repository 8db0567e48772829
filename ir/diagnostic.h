// Errors as values: everything a user can cause travels as a Diagnostic inside a Result.
//
// A diagnostic says what is wrong, where, which rule it breaks and what to do about it. `Check` is
// for our own bugs only: it prints and exits with status 70.
//
//   Result<Graph> ReadGraph(...);
//   auto graph = ReadGraph(...);
//   if (!graph) return std::unexpected(graph.error());
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

namespace descent {

/// Exit statuses of every command (docs/cli.md). A diagnostic carries the one it leads to.
enum class ExitStatus : int {
  kGood = 0,
  kInvalid = 1,      ///< diagnosed input: model, data, checkpoint
  kUsage = 2,        ///< command line
  kUnsupported = 3,  ///< valid input that needs an operator, type or version we do not have
  kIo = 4,
  kDiffers = 5,  ///< a comparison differed, or training diverged
  kInternal = 70,
  kInterrupted = 130,
};

/// Place in a text. Lines and columns count from 1; 0 means unknown.
struct SourceLocation {
  std::string file;
  int line = 0;
  int column = 0;
};

struct Diagnostic {
  std::string message;  ///< what is wrong and which rule it breaks; one line, no full stop
  SourceLocation location = {};
  std::string snippet = {};  ///< the source line `location` points into, if known
  std::string hint = {};     ///< what to do; may be empty
  ExitStatus status = ExitStatus::kInvalid;

  /// rustc's style: "error: message", then place, source line with caret, and hint when known.
  std::string ToString() const;
};

template <typename T>
using Result = std::expected<T, Diagnostic>;

/// A failed Result with a formatted message: `return Error("rank {} is above {}", rank, limit);`
template <typename... Args>
std::unexpected<Diagnostic> Error(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Diagnostic{.message = fmt::format(format, std::forward<Args>(args)...)});
}

template <typename... Args>
std::unexpected<Diagnostic> ErrorWithStatus(ExitStatus status, fmt::format_string<Args...> format,
                                            Args&&... args) {
  return std::unexpected(
      Diagnostic{.message = fmt::format(format, std::forward<Args>(args)...), .status = status});
}

/// `name` made safe to print: control characters, quotes and backslashes are escaped.
std::string Escaped(std::string_view name);
/// The same, in quotes.
std::string Quoted(std::string_view name);

/// "1 node", "2 nodes".
std::string Counted(int64_t count, std::string_view noun);

/// Ends the process with status 70 and a request to report the bug.
[[noreturn]] void InternalError(const char* file, int line, std::string_view message);

#define DESCENT_CONCAT_(a, b) a##b
#define DESCENT_CONCAT(a, b) DESCENT_CONCAT_(a, b)

/// DESCENT_TRY(graph, ReadGraph(path)); declares `graph`, or returns the error.
#define DESCENT_TRY(variable, expression)                                         \
  auto DESCENT_CONCAT(variable, _result) = (expression);                          \
  if (!DESCENT_CONCAT(variable, _result))                                         \
    return std::unexpected(std::move(DESCENT_CONCAT(variable, _result)).error()); \
  auto variable = *std::move(DESCENT_CONCAT(variable, _result))

/// For Result<void>.
#define DESCENT_RETURN_IF_ERROR(expression)                                           \
  do {                                                                                \
    auto descent_result_ = (expression);                                              \
    if (!descent_result_) return std::unexpected(std::move(descent_result_).error()); \
  } while (false)

/// An invariant of our own code.
#define DESCENT_CHECK(condition, message)                                    \
  do {                                                                       \
    if (!(condition)) ::descent::InternalError(__FILE__, __LINE__, message); \
  } while (false)

}  // namespace descent
