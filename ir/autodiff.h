// Reverse-mode differentiation inside a builder: gradients are just more graph.
//
//   Value loss = ...;   // f32 scalar
//   auto gradients = ReverseWalk(b, {{{loss, b.ConstantLike(loss, 1)}}}, {{w, bias}});
//
// Visited are only nodes that depend on a wanted value AND reach an output. The wanted values are
// taken as independent: the walk does not continue behind them. Each visited node gives its vjp; an
// operator without one but with an expansion is differentiated through that. Gradients are summed
// over axes that an operand was broadcast along, and over the uses of a value.
#pragma once

#include <span>
#include <vector>

#include "ir/graph.h"

namespace descent {

/// A value and the gradient that arrives at it (of its type).
struct Cotangent {
  Value value;
  Value gradient;
};

/// The gradient of every wanted value, of its type; zeros where no output depends on it. Values in
/// `constant`, as far as they are not wanted, count as constants whatever they are computed from.
/// New nodes are labelled with the node they come from and Section::kBackward. Fails, naming the
/// node, where an operator on the path has no gradient, or where an integer is wanted.
Result<std::vector<Value>> ReverseWalk(GraphBuilder& b, std::span<const Cotangent> outputs,
                                       std::span<const Value> wanted,
                                       std::span<const Value> constant = {});

/// `gradient` brought to `shape`: summed over axes that `shape` lacks or has with extent 1, then
/// expanded where it has fewer elements.
Value FitGradient(GraphBuilder& b, Value gradient, const Shape& shape);

/// Zeros of the type of `like`.
Value ZerosLike(GraphBuilder& b, Value like);

}  // namespace descent
