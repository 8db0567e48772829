// What an attention kernel computes, by the interpreter: its form turned back into the operator.
#pragma once

#include <vector>

#include "compiler/kernel/program.h"
#include "ir/tensor.h"

namespace descent {

/// Values of all parameters behind the call; `before` holds those of the operands.
std::vector<Tensor> RunAttentionReference(const Kernel& kernel, std::vector<Tensor> before);

}  // namespace descent
