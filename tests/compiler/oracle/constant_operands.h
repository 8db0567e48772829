// Operands that differentiation takes as constants, such as the vectors that spectral_norm keeps as
// state: their operator has a vjp of its own, which gives no gradient for them.
#pragma once

#include <vector>

#include "ir/op_def.h"

namespace descent {

/// One per operand. Gradients arrive at all results that are floats, or at one of them.
std::vector<bool> ConstantOperands(const OpDef& op, const OpContext& context, int result = -1);

}  // namespace descent
