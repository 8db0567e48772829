// The help texts, formatted from the tables of commands and options.
#pragma once

#include <string>

#include "frontends/cli/command.h"

namespace descent::cli {

/// `descent --help`.
std::string OverviewHelp();
/// `descent COMMAND --help`.
std::string CommandHelp(const Command& command);
/// "descent compile [OPTIONS] MODEL"
std::string Usage(const Command& command, std::string_view program = "descent");
/// Lines longer than a terminal is wide broken at spaces; each keeps its indentation.
std::string WrapLines(const std::string& text);

/// The exit statuses of every command, with their meaning.
struct StatusMeaning {
  ExitStatus status;
  std::string_view meaning;
};
const std::vector<StatusMeaning>& StatusMeanings();

}  // namespace descent::cli
