// The command line of a produced executable: train, evaluate, predict, info.
#pragma once

#include "runtime/abi.h"

namespace descent::runtime {

/// Parses, runs, prints errors as "error: ..." on standard error; gives the exit status.
int TrainerMain(const descent_program* program, int argc, char** argv);

}  // namespace descent::runtime
