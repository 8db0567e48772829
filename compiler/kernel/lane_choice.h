// Which factor of a contraction lies on the vector lanes.
//
// A convolution's weight gradient sums over images and pixels: its image has windows of 3 along N
// but whole rows along K, so that as rows of lhs it is copied and as lanes of rhs gathered.
#pragma once

#include "compiler/kernel/program.h"

namespace descent {

/// Swaps the roles of M and N, and of lhs and rhs, where that is clearly cheaper.
void ChooseLanes(Kernel& kernel, int64_t lanes);

}  // namespace descent
