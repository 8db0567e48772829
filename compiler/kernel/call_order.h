// CallOrder: which calls of an entry point must come before which, from the bytes that they touch.
#pragma once

#include <utility>
#include <vector>

#include "compiler/kernel/plan_memory.h"

namespace descent {

/// Edges between calls that touch the same bytes, one of them writing, and to calls from what
/// writes the bytes that they wait for; those that follow from others are left out. Sorted; buffers
/// must have their places.
std::vector<std::pair<int, int>> CallOrder(const EntryProgram& entry, const StepListing& steps);

}  // namespace descent
