// What sort kernels and kernels of buckets compute, with the standard library; slow and obvious.
#pragma once

#include <vector>

#include "compiler/kernel/program.h"
#include "ir/tensor.h"

namespace descent {

/// Values of all parameters behind the call; `before` holds those of the operands.
std::vector<Tensor> RunSortReference(const Kernel& kernel, std::vector<Tensor> before);
/// As above; what no update of a chunk is placed into stays.
std::vector<Tensor> RunBucketsReference(const Kernel& kernel, std::vector<Tensor> before);

}  // namespace descent
