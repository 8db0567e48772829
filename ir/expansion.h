// How an operator's rules that build other nodes (expand, inference, mask_rows) treat 16-bit
// floats: they work in f32, as bodies do, and each result is rounded once.
//
//   softmax of bf16:   cast(softmax(cast(x, f32)), bf16)
//   normal(dtype=bf16):   cast(normal(dtype=f32), bf16)
//
// Operators with bodies keep their types, which are those of the bodies.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "ir/op_def.h"

namespace descent {

/// Gets operand types, attributes and operands without 16-bit floats; adds nodes to the builder.
using BuildRule = std::function<std::vector<Value>(const OpContext&, std::span<const Value>)>;

/// What `rule` builds for the operator `op`, with operands and results of the operator's types.
std::vector<Value> BuildInArithmeticType(GraphBuilder& b, const OpDef& op, const OpContext& context,
                                         std::span<const Value> operands, const BuildRule& rule);

/// The expansion of a composite operator.
std::vector<Value> ExpandOperator(GraphBuilder& b, const OpDef& op, const OpContext& context,
                                  std::span<const Value> operands);

}  // namespace descent
