// Which of an executable's programs runs: one model, compiled for several targets.
//
//   const Programs programs = ProgramsOf(descent_main_programs);
//   auto abi = ChooseProgram(programs, "");
//   auto program = Program::Open(*abi);
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/abi.h"
#include "runtime/status.h"

namespace descent::runtime {

/// What needs most of the CPU first. All are the same model with the same state by name.
using Programs = std::span<const descent_program* const>;

/// The programs before the null that ends the list.
Programs ProgramsOf(const descent_program* const* list);

/// The program of the target `isa`; without one the first that this CPU can run. A single program
/// is given whether the CPU can run it or not: Program::Open says what is missing.
Result<const descent_program*> ChooseProgram(Programs programs, std::string_view isa);

/// "x86-64-v4, x86-64-v3"
std::string TargetNames(Programs programs);
/// "x86-64-v4 (not for this CPU), x86-64-v3 (in use)"; of a single program its target alone.
std::string TargetsText(Programs programs, const descent_program* used);

}  // namespace descent::runtime
