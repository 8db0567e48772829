// Layouts: in which order the axes of a tensor lie in memory.
//
// A value of the graph has its axes in the model's order, that of an image [row, channel, y, x].
// What slides a window over an image treats all channels alike, so that they belong on the vector
// lanes and side by side: tensors of the arena that such computations make or read are stored
// channels last, [row, y, x, channel], filters [y, x, channel, filter]. Elementwise neighbours take
// the order of what they read, so that no transposition stands between them. Filters in the state
// have one order for all entry points, which is chosen first; what somebody else gives or gets
// (inputs, outputs) keeps its order, and a convolution reads a copy of it.
//
// Which order is taken changes no value, and the order in which a sum is made follows from the
// shapes alone.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "compiler/kernel/region.h"

namespace descent {

/// Can a tensor of this shape lie in another order than its own? Of at most two axes longer than 1
/// it can't.
bool MayHaveOrder(const Shape& shape);

/// Tensors whose bytes some work takes as they lie: loops, branches, forms, and reads of data's
/// choice through another shape.
std::set<int> TakenAsTheyLie(const Region& region, const TensorTable& tensors);

/// The orders that the works of `region` wish for the state among its tensors, `slots`, for those
/// that are better not as they are.
std::map<int, std::vector<int>> WishedOrders(Region& region, TensorTable& tensors,
                                             const std::set<int>& slots);

/// Chooses the orders of the tensors that `region` makes and adapts its computations, also to those
/// that the state has; to be called before operands are copied,
/// reductions split and deliveries carried out.
void ChooseLayouts(Region& region, TensorTable& tensors);

}  // namespace descent
