// DivideChoice: a computation that takes each element from one of many reads, by its place along an
// axis (what a concatenation is), as several that choose among few.
//
// Every read of a kernel is made, masked, at every point, and the time to compile a body grows
// faster than the body. So neighbouring parts are put together first, about as many at once as
// there are such parts then: elements are moved twice instead of chosen among all.
#pragma once

#include <vector>

#include "compiler/kernel/region.h"

namespace descent {

/// The computations that do the work of `whole` one after another; alone where its reads are few or
/// it is no choice. Values between them become new tensors of the table.
std::vector<Computation> DivideChoice(Computation whole, TensorTable& tensors);

}  // namespace descent
