// The `descent` command: finds the subcommand in the table, parses, runs, reports one error.

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "frontends/cli/command.h"
#include "frontends/cli/files.h"
#include "frontends/cli/help.h"
#include "frontends/cli/parse.h"
#include "frontends/cli/version.h"
#include "ir/io/model_file.h"
#include "runtime/memory_limit.h"

namespace descent::cli {
namespace {

std::vector<std::string> CommandNames() {
  std::vector<std::string> names = {"help"};
  for (const Command& command : Commands()) names.push_back(command.name);
  return names;
}

Result<const Command*> RequireCommand(const std::string& name) {
  if (const Command* command = FindCommand(name)) return command;
  std::string hint = DidYouMean(name, CommandNames());
  if (hint.empty()) hint = "`descent --help` lists the commands";
  return UsageError(
      fmt::format("unknown {} {}", name.starts_with('-') ? "option" : "command", Quoted(name)),
      std::move(hint));
}

Result<ExitStatus> Help(const std::vector<std::string>& words) {
  if (words.empty()) {
    Print("{}", OverviewHelp());
    return ExitStatus::kGood;
  }
  DESCENT_TRY(command, RequireCommand(words.front()));
  Print("{}", CommandHelp(*command));
  return ExitStatus::kGood;
}

Result<ExitStatus> Dispatch(std::vector<std::string> words) {
  if (words.empty()) {
    PrintError("{}", OverviewHelp());
    return ExitStatus::kUsage;
  }
  const std::string name = words.front();
  words.erase(words.begin());
  if (name == "help" || name == "--help" || name == "-h") return Help(words);
  if (name == "--version") {
    Print("{}", VersionText());
    return ExitStatus::kGood;
  }
  DESCENT_TRY(command, RequireCommand(name));
  DESCENT_TRY(request, Parse(*command, std::move(words)));
  if (request == Request::kHelp) return Help({name});
  auto status = WithinMemory(command->run);
  if (!status && command->subject != nullptr)
    return std::unexpected(AboutModel(std::move(status).error(), *command->subject));
  return status;
}

/// What was printed must have arrived: a full disk is an error, not a short file.
ExitStatus Finish(ExitStatus status) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  PrintError("error: cannot write standard output: {}\n", std::strerror(errno));
  return ExitStatus::kIo;
}

}  // namespace
}  // namespace descent::cli

int main(int argc, char** argv) {
  namespace cli = descent::cli;
  descent::runtime::LimitMemory(descent::runtime::AvailableMemory());
  auto status = cli::Dispatch({argv + 1, argv + argc});
  if (!status) {
    std::fflush(stdout);
    cli::PrintError("{}", status.error().ToString());
    return static_cast<int>(cli::Finish(status.error().status));
  }
  return static_cast<int>(cli::Finish(*status));
}
