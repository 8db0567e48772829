// The verifier's checks of single nodes; Verify(model) is declared in ir/model.h.
#pragma once

#include <span>

#include "ir/graph.h"

namespace descent {

/// V7 and V8 of docs/ir.md for one node: its attributes and types are what its operator infers from
/// `operands`, and the TensorExpr that defines it is well-formed.
Result<void> VerifyNode(const Node& node, std::span<const TensorType> operands);

}  // namespace descent
