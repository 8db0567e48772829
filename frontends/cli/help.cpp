#include "frontends/cli/help.h"

#include <algorithm>
#include <sstream>

namespace descent::cli {
namespace {

constexpr size_t kWidth = 100;
constexpr size_t kColumn = 32;  ///< where explanations begin

/// Breaks `text` into lines of at most `width` at spaces.
std::vector<std::string> Wrap(const std::string& text, size_t width) {
  std::vector<std::string> lines;
  std::istringstream words(text);
  std::string line, word;
  while (words >> word) {
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      lines.push_back(std::move(line));
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  if (!line.empty() || lines.empty()) lines.push_back(std::move(line));
  return lines;
}

/// Two columns; a long left side gets a line of its own.
std::string Row(const std::string& left, const std::string& right) {
  std::string text = "  " + left;
  bool first = true;
  for (const std::string& line : Wrap(right, kWidth - kColumn)) {
    if (first && text.size() + 2 <= kColumn) {
      text += std::string(kColumn - text.size(), ' ') + line + "\n";
    } else {
      if (first) text += "\n";
      text += std::string(kColumn, ' ') + line + "\n";
    }
    first = false;
  }
  return text;
}

/// "-o, --output FILE"; options without a short name are indented to stand under the others.
std::string LeftSide(const Option& option) {
  if (option.is_argument()) return option.names + (option.is_repeated() ? "..." : "");
  const size_t comma = option.names.find(',');
  std::string left = comma != std::string::npos
                         ? option.names.substr(0, comma) + ", " + option.names.substr(comma + 1)
                     : option.names.starts_with("--") ? "    " + option.names
                                                      : option.names;
  return option.value.empty() ? left : left + " " + option.value;
}

std::string Explanation(const Option& option) {
  return option.choices.empty()
             ? option.doc
             : fmt::format("{}: {}", option.doc, fmt::join(option.choices, ", "));
}

std::string Paragraphs(const std::string& text) {
  std::string wrapped;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find("\n\n", start), text.size());
    for (const std::string& line : Wrap(text.substr(start, end - start), kWidth))
      wrapped += line + "\n";
    wrapped += "\n";
    start = end + 2;
  }
  return wrapped;
}

}  // namespace

const std::vector<StatusMeaning>& StatusMeanings() {
  static const std::vector<StatusMeaning> kMeanings = {
      {ExitStatus::kGood, "success"},
      {ExitStatus::kInvalid, "the input is wrong: a model, checkpoint or data file"},
      {ExitStatus::kUsage, "the command line is wrong"},
      {ExitStatus::kUnsupported,
       "the input is valid but needs an operator, type or version that this release lacks"},
      {ExitStatus::kIo, "a file cannot be read or written"},
      {ExitStatus::kDiffers, "a comparison found a difference, or training diverged"},
      {ExitStatus::kInternal, "a bug in Descent"},
      {ExitStatus::kInterrupted,
       "training was interrupted; the last line says whether a checkpoint was written"},
  };
  return kMeanings;
}

namespace {

/// Where the text of a line begins: behind its indentation, and behind the left column of a row
/// "  name   text".
size_t TextColumn(std::string_view line) {
  const size_t first = std::min(line.find_first_not_of(' '), line.size());
  const size_t end = std::min(line.find("  ", first), line.size());
  const size_t text = std::min(line.find_first_not_of(' ', end), line.size());
  return first > 0 && text < std::min(line.size(), kWidth / 2) ? text : first;
}

}  // namespace

std::string WrapLines(const std::string& text) {
  std::istringstream stream(text);
  std::string wrapped;
  for (std::string line; std::getline(stream, line);) {
    if (line.size() <= kWidth) {
      wrapped += line + "\n";
      continue;
    }
    const size_t column = TextColumn(line);
    std::string left = line.substr(0, column);
    for (const std::string& part : Wrap(line.substr(column), kWidth - column)) {
      wrapped += left + part + "\n";
      left.assign(column, ' ');
    }
  }
  return wrapped;
}

std::string Usage(const Command& command, std::string_view program) {
  std::string usage = fmt::format("{} {}", program, command.name);
  if (!command.groups.empty()) usage += " [OPTIONS]";
  for (const Option& argument : command.arguments) {
    std::string name = argument.names + (argument.is_repeated() ? "..." : "");
    usage += argument.required ? " " + name : " [" + name + "]";
  }
  return usage;
}

std::string CommandHelp(const Command& command) {
  std::string text = fmt::format("Usage: {}\n\n", Usage(command));
  text += Paragraphs(command.description);
  if (!command.arguments.empty()) {
    text += "Arguments:\n";
    for (const Option& argument : command.arguments)
      text += Row(LeftSide(argument), Explanation(argument));
    text += "\n";
  }
  for (const OptionGroup& group : command.groups) {
    text += group.title + ":\n";
    for (const Option& option : group.options) text += Row(LeftSide(option), Explanation(option));
    text += "\n";
  }
  text += "Other:\n" + Row("-h, --help", "show this text and exit");
  if (!command.examples.empty()) text += "\nExamples:\n";
  for (const Example& example : command.examples)
    text += fmt::format("  {}\n      {}\n", example.command, example.explanation);
  return text;
}

std::string OverviewHelp() {
  std::string text =
      "Descent compiles the training of neural networks ahead of time: from a model file to an\n"
      "executable that trains, evaluates and predicts.\n\n"
      "Usage: descent COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n";
  for (const Command& command : Commands()) text += Row(command.name, command.summary);
  text += "\nOther:\n";
  text += Row("help [COMMAND]", "show this text, or a command's");
  text += Row("--version", "show the version, LLVM's and what `--target native` means here");
  text +=
      "\nA model file is the text form (.descent), binary proto (.pb) or proto text (.pbtxt); - "
      "is\n"
      "standard input. `descent man | man -l -` is the manual.\n\nExit status:\n";
  for (const auto& [status, meaning] : StatusMeanings())
    text += Row(fmt::format("{}", static_cast<int>(status)), std::string(meaning));
  return text;
}

}  // namespace descent::cli
