// The subcommands, one function and one file each.
#pragma once

#include "frontends/cli/command.h"

namespace descent::cli {

Command CheckCommand();
Command InspectCommand();
Command OptCommand();
Command CompileCommand();
Command TrainCommand();
Command BenchCommand();
Command TuneCommand();
Command RunCommand();
Command GradCommand();
Command DiffCommand();
Command ConvertCommand();
Command ImportCommand();
Command ExportCommand();
Command ModelCommand();
Command PlotCommand();
Command OpsCommand();
Command CompletionCommand();
Command ManCommand();

}  // namespace descent::cli
