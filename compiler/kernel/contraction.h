// Recognizes sums of products by their structure: matmul, batched matmul, convolution and its
// gradients.
#pragma once

#include <optional>

#include "compiler/kernel/computation.h"
#include "compiler/kernel/program.h"

namespace descent {

/// Roles of the axes of  acc = 0; acc += read(lhs) * read(rhs)  over `axes`, the first `rank` of
/// them parallel: an axis that moves both reads is batch (or K), one that moves only lhs is M, only
/// rhs N. lhs and rhs are chosen so that the last parallel axis, contiguous in the result, belongs
/// to N. Nullopt if the form is another one, or M or N has no axis.
std::optional<ContractionAxes> FindContraction(const Computation& computation);

/// Splits axes where that makes a sum of products a contraction: in a grouped convolution filter o
/// belongs to group o / filters, so that o becomes the two axes group and filter of the group.
/// Results keep their row-major order.
void SplitAxesForContraction(Computation& computation);

}  // namespace descent
