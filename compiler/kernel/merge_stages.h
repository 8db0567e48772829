// Merging of computations into one loop nest, or into stages that share outer loops.
#pragma once

#include <optional>

#include "compiler/kernel/fusion_rules.h"
#include "compiler/kernel/region.h"

namespace descent {

/// `added` over the points of `base`, if it is elementwise and reads results of `base` only point
/// by point, as the same row-major element. Other reads must stay as simple as they were.
Verdict<Computation> AtSamePoints(const Computation& base, const Computation& added);
/// Adds the results of `added`, as returned by AtSamePoints, to `base`.
void MergeStage(Computation& base, const Computation& added);

/// Two reductions over the same axes of which neither reads the other: one loop with both states.
bool CanMergeReductions(const Computation& base, const Computation& added);
void MergeReductions(Computation& base, const Computation& added);

/// Does every read of `tensor` take the element of its own point, outside of any reduction?
bool ReadsInPlace(const Computation& computation, int tensor);
/// If the two run in one loop nest: an older value that is read elsewhere than the newer one
/// overwrites it.
std::optional<Blocked> ForbiddenOverwrite(const Computation& a, const Computation& b,
                                          const std::vector<Overwrite>& overwrites);

/// How many of the leading axes of both could be shared outer loops: `reader` takes values of
/// `producer` only from the same iteration of them.
int SharedOuterAxes(const Computation& producer, const Computation& reader);

}  // namespace descent
