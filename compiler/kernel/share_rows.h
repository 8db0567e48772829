// Stages that share the loops over their first axes: the rows.
#pragma once

#include <vector>

#include "compiler/kernel/fuse.h"

namespace descent {

/// How many axes the stages of both may share, one group after the other.
Verdict<int> SharedRows(const FusedGroup& producer, const FusedGroup& reader,
                        const TensorTable& tensors);

/// Stages over the same points become one where no stage between them stands in the way; returns
/// which.
std::vector<JoinedTensors> Coalesce(FusedGroup& group);

/// May one loop nest compute both, by what a point costs?
bool FitOneLoop(const Computation& a, const Computation& b);

}  // namespace descent
