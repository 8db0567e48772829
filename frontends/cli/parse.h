// Parses the words behind a subcommand's name into the destinations of its options.
#pragma once

#include <string>
#include <vector>

#include "frontends/cli/command.h"

namespace descent::cli {

/// What the words ask for besides running the command.
enum class Request : uint8_t { kRun, kHelp };

/// Fills the destinations. Errors have status kUsage, name the option and say what it takes.
Result<Request> Parse(const Command& command, std::vector<std::string> words);

}  // namespace descent::cli
