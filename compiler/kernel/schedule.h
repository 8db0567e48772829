// Schedule: how a kernel's work is cut, from its shapes and the target's facts alone, never from
// the number of threads.
#pragma once

#include "compiler/kernel/program.h"
#include "compiler/kernel/target_facts.h"

namespace descent {

/// Fills in `schedule`, `contraction` and `scratch_bytes`.
void Schedule(Kernel& kernel, const TargetFacts& target);

/// Work of a kernel in units of a floating-point operation; bytes that stream through memory count,
/// too.
int64_t WorkOf(const Kernel& kernel);

/// Bytes that one call reads and writes at least: each of its tensors once, of one that it selects
/// from only as much as it takes.
int64_t TrafficBytes(const Kernel& kernel);

}  // namespace descent
