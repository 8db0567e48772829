// The families of operators, one function each; ir/op_def.cpp lists them.
#pragma once

#include <span>

#include "ir/op_def.h"

namespace descent {

std::span<const OpDef> LeafOps();

}  // namespace descent
