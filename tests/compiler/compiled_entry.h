// Compiled entry points, run the way the program interpreter runs lowered ones.
#pragma once

#include <span>
#include <vector>

#include "compiler/codegen/jit.h"
#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {

/// Calls `entry`, compiled from program.entries[0]; `state` is updated in place. Scratch starts as
/// NaNs.
ProgramRun RunCompiledEntry(const KernelProgram& program, const descent_entry& entry,
                            std::span<std::byte> state, std::span<const Tensor> inputs,
                            int64_t valid_rows);

/// Compiles a program for this machine when it is first run.
ProgramRunner CompiledRunner();

}  // namespace descent
