// The command line of a produced executable: train, evaluate, predict, export, info.
#pragma once

#include "runtime/program_choice.h"

namespace descent::runtime {

/// Parses, chooses one of the programs, runs it, prints errors as "error: ..." on standard error;
/// gives the exit status.
int TrainerMain(Programs programs, int argc, char** argv);

}  // namespace descent::runtime
