// What the operators of attention and their kernel form share.
#pragma once

#include "ir/op_def.h"

namespace descent {

/// Factor of the scores: attribute `scale`, or 1 / sqrt(width of q) where that is 0.
double AttentionScale(const OpContext& op);

}  // namespace descent
