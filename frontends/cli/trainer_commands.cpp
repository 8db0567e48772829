#include "frontends/cli/trainer_commands.h"

#include <algorithm>

namespace descent::cli {
namespace {

Completion CompletionOf(std::string_view value) {
  constexpr std::string_view kFiles[] = {"FILE", "FILE.jsonl", "SPEC"};
  return std::ranges::find(kFiles, value) != std::end(kFiles) ? Completion::kFile
                                                              : Completion::kNothing;
}

std::string NamesOf(const runtime::OptionSpec& option) {
  return fmt::format("{}{}{}", option.short_name, option.short_name.empty() ? "" : ",",
                     option.name);
}

}  // namespace

OptionGroup TrainerOptions(runtime::CommandBit command, std::vector<std::string>* words) {
  OptionGroup group = {"Training", {}};
  for (const runtime::OptionSpec* option : runtime::OptionsOf(command)) {
    if (words != nullptr && option->of_several_programs) continue;  // what it runs has one
    group.options.push_back({.names = NamesOf(*option),
                             .value = std::string(option->value),
                             .doc = std::string(option->doc),
                             .destination = Forwarded{words},
                             .completion = CompletionOf(option->value)});
  }
  return group;
}

std::vector<Command> TrainerCommands() {
  std::vector<Command> commands;
  for (const runtime::CommandSpec& spec : runtime::CommandSpecs()) {
    OptionGroup options = TrainerOptions(spec.bit, nullptr);
    options.title = "Options";
    commands.push_back(
        {.name = std::string(spec.name),
         .summary = std::string(spec.doc),
         .description = spec.note.empty() ? "" : fmt::format("{}. {}.", spec.doc, spec.note)});
    if (!options.options.empty()) commands.back().groups.push_back(std::move(options));
  }
  return commands;
}

}  // namespace descent::cli
