// Command: one subcommand of `descent` as data: its name, its options and what it does.
//
// The table of options is the only place that knows them. Parsing, --help, shell completion, the
// man page and docs/cli.md are made from it, so they cannot disagree.
//
//   Command CheckCommand() {
//     auto model = std::make_shared<std::string>();
//     return {.name = "check",
//             .summary = "verify a model",
//             .arguments = {{"MODEL", "", "model file", model.get()}},
//             .run = [model] { return Check(*model); }};
//   }
#pragma once

#include <functional>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/diagnostic.h"

namespace descent::cli {

/// Words of the command line that go on to another program: "--epochs", "5".
struct Forwarded {
  std::vector<std::string>* words;
};

/// Where a parsed option goes: bool is a flag, a vector takes the option again and again.
using Destination = std::variant<bool*, std::string*, int64_t*, std::optional<int64_t>*,
                                 std::vector<std::string>*, Forwarded>;

/// What a shell offers for a value.
enum class Completion : uint8_t { kNothing, kFile, kModel, kDirectory };

struct Option {
  std::string names;  ///< "-o,--output"; an argument without dashes stands at its place: "MODEL"
  std::string value;  ///< placeholder in help: "FILE"; "" for flags and arguments
  std::string doc;    ///< what it does; one sentence without full stop
  Destination destination;
  std::vector<std::string> choices = {};  ///< the only words allowed; empty = any
  bool required = false;
  Completion completion = Completion::kNothing;
  bool comma_list = false;               ///< a vector whose values may be joined by commas: "a,b"
  int64_t minimum = 0;                   ///< of an integer
  std::vector<std::string> offers = {};  ///< what a shell offers besides; other words are good, too

  bool is_argument() const { return !names.starts_with('-'); }
  bool is_flag() const { return !is_argument() && value.empty(); }
  bool is_repeated() const {
    return std::holds_alternative<std::vector<std::string>*>(destination);
  }
};

struct OptionGroup {
  std::string title;
  std::vector<Option> options;
};

struct Example {
  std::string command;
  std::string explanation;
};

struct Command {
  std::string name;
  std::string summary;      ///< a few words, lower case, no full stop
  std::string description;  ///< paragraphs, separated by blank lines
  std::vector<Option> arguments = {};
  std::vector<OptionGroup> groups = {};
  std::vector<Example> examples = {};
  /// The file that errors about the input concern when they name no place themselves.
  const std::string* subject = nullptr;
  std::function<Result<ExitStatus>()> run;
};

/// The table of subcommands, in the order of the help text.
const std::vector<Command>& Commands();
const Command* FindCommand(std::string_view name);

/// "did you mean 'x'?" or "".
std::string DidYouMean(std::string_view word, const std::vector<std::string>& words);

/// Diagnostics with status kUsage and kInvalid.
std::unexpected<Diagnostic> UsageError(std::string message, std::string hint = "");
std::unexpected<Diagnostic> InputError(std::string message, std::string hint = "");

/// `work()`, where memory may end: a model may ask for more than there is, and still be valid.
template <typename Work>
auto WithinMemory(Work work) -> decltype(work()) try {
  return work();
} catch (const std::bad_alloc&) {
  return InputError("this takes more memory than there is");
}

}  // namespace descent::cli
