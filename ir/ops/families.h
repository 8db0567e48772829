// The families of operators, one function each; ir/op_def.cpp lists them.
#pragma once

#include <span>

#include "ir/op_def.h"

namespace descent {

std::span<const OpDef> LeafOps();
std::span<const OpDef> ElementwiseOps();
std::span<const OpDef> ReduceOps();
std::span<const OpDef> ContractOps();
std::span<const OpDef> LayoutOps();

}  // namespace descent
