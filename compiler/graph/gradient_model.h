// Gradients of a function: for a model, the model that computes vector-Jacobian products of its
// outputs.
//
//   y = f(x, W)   ->   grad.x, grad.W = J^T cotangent.y
#pragma once

#include <string>

#include "ir/model.h"

namespace descent {

/// The gradient model's input for the gradient that arrives at an output: "cotangent.<output>".
std::string CotangentName(const std::string& output);

/// Differentiates what `run` computes of a source model (inference forms of dropout and
/// normalizations; what it is trained for does not matter). Beside the model's own inputs the
/// result has one for the gradient that arrives at each floating-point output, of its type, in
/// order. Its outputs are the gradients of all floating-point inputs and slots, zeros where no
/// output depends on them. It has no batch axis: the extents are the source's batch. Fails where an
/// operator on the way has no gradient.
Result<Model> GradientModel(const Model& source);

}  // namespace descent
