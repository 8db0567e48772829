// Copies of what convolutions and windows read, in the order in which they read it.
#pragma once

#include "compiler/kernel/region.h"

namespace descent {

/// Operands that lie in another order than the lanes of their readers want are read from copies,
/// where these are small beside the work; equal copies are made once. To be called when the layouts
/// of all tensors are chosen.
void CopyOperands(Region& region, TensorTable& tensors);

}  // namespace descent
