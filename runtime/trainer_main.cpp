#include "runtime/trainer_main.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "runtime/command_line.h"
#include "runtime/memory_limit.h"

namespace descent::runtime {
namespace {

constexpr size_t kWidth = 100, kColumn = 30;  ///< of help: where lines end, where texts begin

/// Two columns, the right one broken at spaces.
std::string Row(std::string_view left, std::string_view right) {
  std::string text = fmt::format("  {}", left);
  if (text.size() + 2 > kColumn) text += "\n";
  size_t at = text.ends_with('\n') ? 0 : text.size();
  while (!right.empty()) {
    const size_t space =
        right.size() <= kWidth - kColumn ? right.size() : right.rfind(' ', kWidth - kColumn);
    text += std::string(kColumn - at, ' ');
    text += right.substr(0, space);
    text += '\n';
    right.remove_prefix(std::min(space + 1, right.size()));
    at = 0;
  }
  return text;
}

std::string CommandHelp(const std::string& program, const CommandSpec& command, bool several) {
  std::string text = fmt::format("Usage: {0} {1} [OPTIONS]\n\n{0} {1}: {2}\n\nOptions:\n", program,
                                 command.name, command.doc);
  for (const OptionSpec* option : OptionsOf(command.bit)) {
    if (option->of_several_programs && !several) continue;
    text +=
        Row(fmt::format("{}{}{}{}{}", option->short_name, option->short_name.empty() ? "" : ", ",
                        option->name, option->value.empty() ? "" : " ", option->value),
            option->doc);
  }
  text += Row("-h, --help", "show this text and exit");
  return command.note.empty() ? text : fmt::format("{}\n{}.\n", text, command.note);
}

/// What was compiled: `--entry predict` leaves training out.
bool CanDo(const descent_program& abi, CommandBit command) {
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(std::span(abi.entries, static_cast<size_t>(abi.entry_count)),
                               [&](const descent_entry& entry) { return entry.name == name; });
  };
  switch (command) {
    case kTrain:
      return has("train_step");
    case kEvaluate:
      return has("evaluate");
    case kPredict:
      return has("predict") || has("run");
    case kExport:
      return abi.onnx != nullptr;
    case kInfo:
      return true;
  }
  return true;
}

/// "Trains and evaluates", by what was compiled.
std::string Abilities(const descent_program& abi) {
  std::string text;
  std::vector<std::string> verbs;
  if (CanDo(abi, kTrain)) verbs.emplace_back("trains");
  if (CanDo(abi, kEvaluate)) verbs.emplace_back("evaluates");
  if (CanDo(abi, kPredict)) verbs.emplace_back("predicts");
  if (verbs.empty()) return "A program";
  for (size_t i = 0; i < verbs.size(); ++i)
    text += (i == 0 ? "" : i + 1 < verbs.size() ? ", " : " and ") + verbs[i];
  text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string OverviewHelp(const std::string& program, Programs programs) {
  const descent_program& abi = *programs[0];
  std::string text = fmt::format(
      "{} with the model {} ({} for {}).\n\n"
      "Usage: {} COMMAND [OPTIONS]\n\nCommands:\n",
      Abilities(abi), Quoted(abi.name), abi.compiler, TargetNames(programs), program);
  for (const CommandSpec& command : CommandSpecs())
    if (CanDo(abi, command.bit)) text += Row(command.name, command.doc);
  return text +
         fmt::format(
             "\n`{} COMMAND --help` explains a command.\n\nExit status: 0 good, 1 bad input, 2 "
             "usage, 3 not supported, 4 I/O, 5 training diverged,\n70 internal, 130 "
             "interrupted.\n",
             program);
}

Result<ExitStatus> RunCommand(const Program& program, Programs programs, CommandLine line) {
  switch (line.command->bit) {
    case kTrain:
      line.train.checkpoint = std::move(line.checkpoint);
      return Train(program, {line.data, line.train, line.resume, line.threads});
    case kEvaluate:
      return Evaluate(program, {line.data, line.split, line.checkpoint, line.json, line.threads});
    case kPredict:
      return Predict(program, {line.input, line.output, line.checkpoint, line.threads});
    case kExport:
      return Export(program, {line.output, line.checkpoint});
    case kInfo:
      return PrintResult(InfoText(program, programs));
  }
  return ExitStatus::kInternal;
}

Result<ExitStatus> Dispatch(Programs programs, int argc, char** argv) {
  const std::string name = argc > 0 ? argv[0] : "trainer";
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  auto line = ParseCommandLine(words);
  if (!line) return std::unexpected(line.error());
  if (words.empty()) {
    fmt::print(stderr, "{}", OverviewHelp(name, programs));
    return ExitStatus::kUsage;
  }
  if (line->help)
    return PrintResult(line->command ? CommandHelp(name, *line->command, programs.size() > 1)
                                     : OverviewHelp(name, programs));
  auto abi = ChooseProgram(programs, line->isa);
  if (line->version)
    return PrintResult(fmt::format("{}: {} for {}\n", programs[0]->name, programs[0]->compiler,
                                   TargetsText(programs, abi.value_or(nullptr))));
  if (!abi) return std::unexpected(abi.error());
  LimitMemory(AvailableMemory());
  auto program = Program::Open(*abi);
  if (!program) return std::unexpected(program.error());
  return RunCommand(*program, programs, *std::move(line));
}

int Report(const Failure& failure) {
  fmt::print(stderr, "error: {}\n", failure.ToString());
  return static_cast<int>(failure.status);
}

}  // namespace

int TrainerMain(Programs programs, int argc, char** argv) try {
  auto status = Dispatch(programs, argc, argv);
  return status ? static_cast<int>(*status) : Report(status.error());
} catch (const std::bad_alloc&) {
  return Report(Fail("", "this takes more memory than there is").error());
}

}  // namespace descent::runtime
