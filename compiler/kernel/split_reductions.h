// Long reductions with few results have too little parallelism, and the rounding errors of a very
// long sum grow with its terms: their first reduced axis is cut into chunks, which shapes alone
// determine. One kernel computes the state of every chunk, a second combines them in chunk order,
// so the result does not depend on which thread did which chunk.
//
//   sum over 32768 of x[32768, 8]  ->  partial[32, 8] over 1024 each;  sum over 32 of partial
#pragma once

#include "compiler/kernel/region.h"

namespace descent {

/// To be called between InlineProducers and Deliver.
void SplitReductions(Region& region, TensorTable& tensors);

/// Number of chunks a reduction is cut into; 1: not at all.
int64_t ReductionChunks(const Computation& computation);

}  // namespace descent
