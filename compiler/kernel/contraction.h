// Recognizes sums of products by their structure: matmul, batched matmul, convolution and its
// gradients.
#pragma once

#include <optional>

#include "compiler/kernel/computation.h"
#include "compiler/kernel/program.h"

namespace descent {

/// Roles of the axes of  acc = 0; acc += a * b  for trees a and b over reads, each of which has a
/// read of its own (`lhs`, `rhs`): a parallel axis that moves both factors is batch, one that moves
/// only a is M, only b N. The factors are swapped where needed, so that the last parallel axis,
/// contiguous in the result, belongs to N. Nullopt if the form is another one, or M or N has no
/// axis.
std::optional<ContractionForm> FindContraction(const Computation& computation);

/// Splits axes where that makes a sum of products a contraction: in a grouped convolution filter o
/// belongs to group o / filters, so that o becomes the two axes group and filter of the group.
/// Results keep their row-major order.
void SplitAxesForContraction(Computation& computation);

}  // namespace descent
