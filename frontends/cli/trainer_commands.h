// The commands of the executables that `descent compile` makes, from their own tables.
#pragma once

#include <string>
#include <vector>

#include "frontends/cli/command.h"
#include "runtime/command_line.h"

namespace descent::cli {

/// The options of one of them; what is given goes on to `words`.
OptionGroup TrainerOptions(runtime::CommandBit command, std::vector<std::string>* words);

/// train, evaluate, predict and info, for the manual: they cannot be run here.
std::vector<Command> TrainerCommands();

}  // namespace descent::cli
