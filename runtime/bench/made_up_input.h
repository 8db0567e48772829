// Data for an entry point that is run without any: what its inputs allow, from a seed.
#pragma once

#include <cstddef>

#include "runtime/abi.h"
#include "runtime/philox.h"

namespace descent::runtime {

/// Indices (labels, ids) are uniform below their limit, numbers with a range uniform in it; other
/// floats are normal with variance 1, other integers 0 or 1.
void MakeUp(const descent_input& input, RandomSequence& random, std::byte* to);

}  // namespace descent::runtime
