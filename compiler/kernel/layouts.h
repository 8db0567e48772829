// Layouts: in which order the axes of a tensor lie in memory.
//
// A value of the graph has its axes in the model's order, that of an image [row, channel, y, x].
// What slides a window over an image treats all channels alike, so that they belong on the vector
// lanes and side by side: tensors of the arena that such computations make or read are stored
// channels last, [row, y, x, channel], filters [y, x, channel, filter]. Elementwise neighbours take
// the order of what they read, so that no transposition stands between them; what somebody else
// gives or gets (inputs, outputs, state) keeps its order, and a convolution reads a copy of it.
//
// Which order is taken changes no value, and the order in which a sum is made follows from the
// shapes alone.
#pragma once

#include "compiler/kernel/region.h"

namespace descent {

/// Chooses the orders of the tensors that `region` makes and adapts its computations; to be called
/// before reductions are split and deliveries carried out.
void ChooseLayouts(Region& region, TensorTable& tensors);

}  // namespace descent
