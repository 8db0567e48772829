// CheckPlan: proves a memory plan without knowing how it was made.
//
// It replays the step tree (each loop twice, so that what one iteration leaves meets the next; both
// sides of a branch, each from what was there before; behind it holds what both sides agree on) and
// follows which value every byte of arena and state holds: a call must find in each argument the
// very value it means, so no buffer is overwritten while it is needed and no state slot before its
// last reader. Then it proves that `order` connects every two calls that touch common bytes, one of
// them writing, so that calls without a path may run at the same time.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compiler/kernel/program.h"

namespace descent {

/// What the arguments mean. Values are numbers; a value may pass through one buffer only.
struct CallMeaning {
  std::vector<int> values;  ///< per argument: the value read or written
};
struct LoopMeaning {
  /// At the end of every iteration the first value counts as the second (carried values).
  std::vector<std::pair<int, int>> at_end;
  /// Behind the loop the first value counts as the second.
  std::vector<std::pair<int, int>> behind;
  int counter = -1;  ///< value of the counter
};
struct BranchMeaning {
  int condition = -1;  ///< value of the condition
  /// At the end of a side the first value counts as the second (results).
  std::vector<std::pair<int, int>> then_end, else_end;
};
struct ProgramMeaning {
  std::vector<CallMeaning> calls;            ///< in pre-order
  std::vector<LoopMeaning> loops;            ///< in pre-order
  std::vector<BranchMeaning> branches;       ///< in pre-order
  std::vector<std::pair<int, int>> initial;  ///< (buffer, value) that are there from the start
};

/// The first violation, or an empty string.
std::string CheckPlan(const EntryProgram& entry, std::span<const Kernel> kernels,
                      const ProgramMeaning& meaning);

}  // namespace descent
