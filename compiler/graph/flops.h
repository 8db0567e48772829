// Floating-point operations, counted from definitions: an addition, a multiplication and a function
// are one each; comparisons, selections, casts and integer work are none. Counts stop at the
// largest number.
#pragma once

#include <cstdint>
#include <span>

#include "ir/graph.h"

namespace descent {

/// Of one application of an operator; composites count what they expand to, loops every iteration.
int64_t FlopsOf(const OpDef& op, std::span<const TensorType> operands,
                const Attributes& attributes);
int64_t FlopsOf(const Graph& graph, const Node& node);
int64_t FlopsOf(const Graph& graph);

/// What the graph of an entry point means to compute, however it is computed: values that are
/// computed again for their gradient, behind barriers, count once. (What a loop computes again
/// inside its iterations cannot be told apart, and counts.)
int64_t ModelFlops(const Graph& graph);

}  // namespace descent
