#include "frontends/cli/command.h"

#include <algorithm>

#include "frontends/cli/commands.h"
#include "ir/suggest.h"

namespace descent::cli {
const std::vector<Command>& Commands() {
  static const std::vector<Command> kCommands = {
      CheckCommand(),   InspectCommand(),    OptCommand(),    CompileCommand(), TrainCommand(),
      BenchCommand(),   TuneCommand(),       RunCommand(),    GradCommand(),    DiffCommand(),
      ConvertCommand(), ImportCommand(),     ExportCommand(), ModelCommand(),   PlotCommand(),
      OpsCommand(),     CompletionCommand(), ManCommand(),
  };
  return kCommands;
}

const Command* FindCommand(std::string_view name) {
  const auto place = std::ranges::find(Commands(), name, &Command::name);
  return place == Commands().end() ? nullptr : &*place;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& words) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  return descent::DidYouMean(word, views);
}

namespace {

std::unexpected<Diagnostic> Fail(ExitStatus status, std::string message, std::string hint) {
  Diagnostic diagnostic;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  diagnostic.status = status;
  return std::unexpected(std::move(diagnostic));
}

}  // namespace

std::unexpected<Diagnostic> UsageError(std::string message, std::string hint) {
  return Fail(ExitStatus::kUsage, std::move(message), std::move(hint));
}

std::unexpected<Diagnostic> InputError(std::string message, std::string hint) {
  return Fail(ExitStatus::kInvalid, std::move(message), std::move(hint));
}

}  // namespace descent::cli
