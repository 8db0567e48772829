// What can be seen of an entry point while it runs: values that a call leaves whole in memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/kernel/program.h"

namespace descent {

struct ComputedValue {
  int argument = 0;                       ///< of the call
  std::vector<std::string> covered = {};  ///< named values that may come before it, and stay unseen
  bool operator==(const ComputedValue&) const = default;
};

/// By call, in the order of computation as far as names tell it: floating-point arguments whose
/// buffer no later step of the same list, or of one around it, writes, as several calls do to a
/// concatenation. Inside a loop what counts is the slice. Sorted updates are no values.
std::map<const KernelCall*, std::vector<ComputedValue>> ComputedValues(
    const EntryProgram& entry, const std::vector<Kernel>& kernels);

}  // namespace descent
