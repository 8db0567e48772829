// `descent man`: the manual as a man page or as docs/cli.md, made from the tables of options.

#include <memory>

#include "frontends/cli/commands.h"
#include "frontends/cli/files.h"
#include "frontends/cli/help.h"
#include "frontends/cli/manual_text.h"
#include "frontends/cli/trainer_commands.h"
#include "frontends/cli/version.h"

namespace descent::cli {
namespace {

constexpr std::string_view kTrainer = "trainer";

std::string Signature(const Option& option) {
  std::string names;
  for (const char c : option.names) names += c == ',' ? std::string(", ") : std::string(1, c);
  if (option.is_argument()) return names + (option.is_repeated() ? "..." : "");
  return option.value.empty() ? names : names + " " + option.value;
}

std::string Doc(const Option& option) {
  return option.choices.empty()
             ? option.doc
             : fmt::format("{}: {}", option.doc, fmt::join(option.choices, ", "));
}

// ---- man page ----------------------------------------------------------------------------------

/// Text safe in roff: backslashes, hyphens, and lines that begin with a control character.
std::string Roff(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((i == 0 || text[i - 1] == '\n') && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '`') {
      continue;
    } else {
      out += c;
    }
  }
  return out;
}

std::string RoffParagraphs(const std::string& text) {
  std::string out;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find("\n\n", start), text.size());
    out += ".PP\n" + Roff(text.substr(start, end - start)) + "\n";
    start = end + 2;
  }
  return out;
}

std::string RoffOption(const Option& option) {
  return fmt::format(".TP\n\\fB{}\\fR\n{}\n", Roff(Signature(option)), Roff(Doc(option)));
}

std::string RoffCommand(const Command& command, std::string_view program) {
  std::string text =
      fmt::format(".SS {}\n.B {}\n", Roff(Usage(command, program)), Roff(command.summary));
  text += RoffParagraphs(command.description);
  for (const Option& argument : command.arguments) text += RoffOption(argument);
  for (const OptionGroup& group : command.groups)
    for (const Option& option : group.options) text += RoffOption(option);
  for (const Example& example : command.examples)
    text += fmt::format(".PP\n.nf\n    {}\n.fi\n.RS 8\n{}\n.RE\n", Roff(example.command),
                        Roff(example.explanation));
  return text;
}

std::string ManPage() {
  std::string text = fmt::format(
      ".TH DESCENT 1 \"\" \"descent {}\" \"User Commands\"\n"
      ".SH NAME\ndescent \\- ahead\\-of\\-time compiler for training neural networks\n"
      ".SH SYNOPSIS\n.B descent\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n"
      ".SH DESCRIPTION\n{}.SH COMMANDS\n",
      ReleaseVersion(), RoffParagraphs(std::string(kManualIntroduction)));
  for (const Command& command : Commands()) text += RoffCommand(command, "descent");
  text += ".SH TRAINERS\n" + RoffParagraphs(std::string(kManualTrainers));
  for (const Command& command : TrainerCommands()) text += RoffCommand(command, kTrainer);
  text += ".SH EXIT STATUS\n";
  for (const auto& [status, meaning] : StatusMeanings())
    text += fmt::format(".TP\n{}\n{}\n", static_cast<int>(status), Roff(std::string(meaning)));
  return text;
}

// ---- docs/cli.md -------------------------------------------------------------------------------

std::string MarkdownOptions(const std::string& title, const std::vector<Option>& options) {
  if (options.empty()) return "";
  std::string text = fmt::format("| {} | |\n|---|---|\n", title);
  for (const Option& option : options) {
    std::string doc;
    for (const char c : Doc(option)) doc += c == '|' ? std::string("\\|") : std::string(1, c);
    text += fmt::format("| `{}` | {} |\n", Signature(option), doc);
  }
  return text + "\n";
}

std::string MarkdownCommand(const Command& command, std::string_view program) {
  std::string text = fmt::format(
      "\n## {} {}\n\n```\n{}\n```\n\n{}\n\n", program, command.name, Usage(command, program),
      command.description.empty() ? command.summary : command.description);
  text += MarkdownOptions("argument", command.arguments);
  for (const OptionGroup& group : command.groups)
    text += MarkdownOptions(group.title, group.options);
  for (const Example& example : command.examples)
    text += fmt::format("- `{}`: {}\n", example.command, example.explanation);
  return text;
}

std::string Markdown() {
  std::string text = fmt::format(
      "# The `descent` command\n\n<!-- Made by `descent man --format "
      "markdown`; do not edit. -->\n\n{}\n| command | |\n|---|---|\n",
      kManualIntroduction);
  for (const Command& command : Commands())
    text += fmt::format("| [`{0}`](#descent-{0}) | {1} |\n", command.name, command.summary);
  text += "\n## Exit status\n\n| status | meaning |\n|---|---|\n";
  for (const auto& [status, meaning] : StatusMeanings())
    text += fmt::format("| {} | {} |\n", static_cast<int>(status), meaning);
  for (const Command& command : Commands()) text += MarkdownCommand(command, "descent");
  text += fmt::format("\n## Trainers\n\n{}", kManualTrainers);
  for (const Command& command : TrainerCommands()) text += MarkdownCommand(command, kTrainer);
  return text + "\n" + std::string(kManualAppendix);
}

}  // namespace

Command ManCommand() {
  auto format = std::make_shared<std::string>("roff");
  return {.name = "man",
          .summary = "print the manual",
          .description =
              "Prints the manual of all commands, made from the same tables as the help "
              "texts.",
          .groups = {{"Options",
                      {{.names = "--format",
                        .value = "FORMAT",
                        .doc = "a man page, or the page of the documentation (default roff)",
                        .destination = format.get(),
                        .choices = {"roff", "markdown"}}}}},
          .examples = {{"descent man | man -l -", "read it"},
                       {"descent man --format markdown > docs/cli.md",
                        "renew the page of the documentation"}},
          .run = [format]() -> Result<ExitStatus> {
            Print("{}", *format == "roff" ? ManPage() : Markdown());
            return ExitStatus::kGood;
          }};
}

}  // namespace descent::cli
