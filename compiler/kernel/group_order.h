// The order in which the groups of a region run.
#pragma once

#include <set>
#include <span>
#include <vector>

#include "compiler/kernel/fuse.h"

namespace descent {

/// Numbers of `groups` in an order that `successors` allow; fewer than all if they form a cycle. Of
/// the groups that may run next it takes the one behind which least memory is in use, the first of
/// several: what lives from the forward to the backward pass is let go where it is used up.
std::vector<int> OrderGroups(std::span<const FusedGroup> groups,
                             std::span<const std::set<int>> successors, const TensorTable& tensors);

}  // namespace descent
