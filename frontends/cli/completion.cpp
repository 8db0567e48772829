// `descent completion bash`: a completion script made from the tables of options.

#include <memory>

#include "frontends/cli/commands.h"
#include "frontends/cli/files.h"

namespace descent::cli {
namespace {

std::string Names(const Option& option) {
  std::string names = option.names;
  for (char& c : names)
    if (c == ',') c = ' ';
  return names;
}

/// "-o|--output" for a case pattern.
std::string Pattern(const Option& option) {
  std::string names = option.names;
  for (size_t at = 0; (at = names.find(',', at)) != std::string::npos;) names[at] = '|';
  return names;
}

/// The words that stand for a value.
std::string Words(const Option& option) {
  const auto& words = option.choices.empty() ? option.offers : option.choices;
  return fmt::format("{}", fmt::join(words, " "));
}

std::string ValueAction(const Option& option) {
  if (const std::string words = Words(option); !words.empty())
    return fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))", words);
  switch (option.completion) {
    case Completion::kDirectory:
      return "COMPREPLY=($(compgen -d -- \"$word\"))";
    case Completion::kFile:
    case Completion::kModel:
      return "COMPREPLY=($(compgen -f -- \"$word\"))";
    case Completion::kNothing:
      break;
  }
  return "COMPREPLY=()";
}

/// The branch of one command: values of options first, then options, then arguments.
std::string Branch(const Command& command) {
  std::string options = "--help", values;
  for (const OptionGroup& group : command.groups) {
    for (const Option& option : group.options) {
      options += " " + Names(option);
      if (!option.is_flag())
        values += fmt::format("        {}) {}; return ;;\n", Pattern(option), ValueAction(option));
    }
  }
  std::string words, files;
  for (const Option& argument : command.arguments) {
    if (const std::string own = Words(argument); !own.empty()) words += own + " ";
    if (argument.completion != Completion::kNothing) files = " $(compgen -f -- \"$word\")";
  }
  std::string text = fmt::format("    {})\n", command.name);
  if (!values.empty()) text += "      case \"$previous\" in\n" + values + "      esac\n";
  text += fmt::format(
      "      if [[ $word == -* ]]; then\n"
      "        COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))\n"
      "      else\n"
      "        COMPREPLY=($(compgen -W \"{}\" -- \"$word\"){})\n"
      "      fi ;;\n",
      options, words, files);
  return text;
}

std::string BashScript() {
  std::string names = "help", branches;
  for (const Command& command : Commands()) {
    names += " " + command.name;
    branches += Branch(command);
  }
  return fmt::format(
      "# bash completion for descent; made by `descent completion bash`.\n"
      "# Use it with:  source <(descent completion bash)\n"
      "_descent() {{\n"
      "  local word=\"${{COMP_WORDS[COMP_CWORD]}}\" previous=\"${{COMP_WORDS[COMP_CWORD-1]}}\"\n"
      "  if [[ $COMP_CWORD -eq 1 ]]; then\n"
      "    COMPREPLY=($(compgen -W \"{0} --help --version\" -- \"$word\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"${{COMP_WORDS[1]}}\" in\n"
      "    help) COMPREPLY=($(compgen -W \"{0}\" -- \"$word\")) ;;\n"
      "{1}"
      "  esac\n"
      "}}\n"
      "complete -o filenames -F _descent descent\n",
      names, branches);
}

}  // namespace

Command CompletionCommand() {
  auto shell = std::make_shared<std::string>();
  return {.name = "completion",
          .summary = "print a shell completion script",
          .description =
              "Prints a completion script for the shell, made from the same tables as the "
              "help texts.",
          .arguments = {{.names = "SHELL",
                         .value = "",
                         .doc = "which shell",
                         .destination = shell.get(),
                         .choices = {"bash"},
                         .required = true}},
          .examples = {{"source <(descent completion bash)", "complete in this shell"}},
          .run = [shell]() -> Result<ExitStatus> {
            Print("{}", BashScript());
            return ExitStatus::kGood;
          }};
}

}  // namespace descent::cli
