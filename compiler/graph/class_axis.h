// Which axis of a network's output holds the classes.
//
// The weights of the last layer tell: an axis that they have and the values that they are applied
// to do not is one number per class. The analysis reads the index maps of `define`; composites are
// judged by their expansion. It names no operator.
//
//   matmul(x [n, s, k], W [k, c])            -> axis 2: c is an axis of W alone
//   conv1d(x [n, k, l], W [c, k, 3])         -> axis 1
//   gather(E [v, c], ids [n, s])             -> axis 2
//   transpose(matmul(x, W), [0, 2, 1])       -> axis 1
#pragma once

#include <optional>

#include "ir/model.h"

namespace descent {

/// The axis of `value`, one of the model's graph, that comes from an axis of weights alone in the
/// last layer that has such axes; nullopt where there is none, several, or it is that of the rows
/// (0). Weights are what is computed of the model's slots and not of its inputs.
std::optional<int> ClassAxisOfWeights(const Model& model, Value value);

/// Where `node` only arranges the elements of its operand anew (a transpose, a reshape): for every
/// axis of the operand that of the result that it becomes, -1 where it becomes none or several.
/// nullopt where the node does anything else.
std::optional<std::vector<int>> ArrangedAxes(const Graph& graph, const Node& node);

}  // namespace descent
