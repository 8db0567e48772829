// Differentiate: appends the gradient of a loss with respect to the trainable parameters of the
// next update.
//
// Outputs "grad.<parameter>" for every matched trainable parameter that the loss depends on, in
// slot order; Model::gradients lists them. With several updates, each is differentiated after the
// one before was appended, and its loss is rebuilt on the parameters which that one left:
//
//   differentiate, append_optimizer, differentiate, append_optimizer
//
// Models of other entry points than train_step, and those with no update left, are returned as they
// are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/graph/pass_options.h"
#include "ir/model.h"

namespace descent {

Result<Model> Differentiate(Model model, const PassOptions& options);

/// Parameters, trained or not, that the loss (an output) depends on only through integers and
/// bools: there is no gradient of them.
std::vector<const Slot*> ParametersWithoutDerivative(const Model& model, const std::string& loss);

/// The error of such a parameter, where it is to be trained.
Diagnostic HasNoDerivative(const Slot& parameter);

/// "grad.<parameter>"
std::string GradientName(const std::string& parameter);

/// Number of the update that Differentiate and AppendOptimizer take next. The first one is done
/// when a parameter has a next value; later ones have an output "loss.<number>" until they are
/// done, then name "loss".
std::optional<size_t> PendingUpdate(const Model& model);

/// Value of a parameter after the updates appended so far.
Value CurrentValue(const Graph& graph, const std::string& slot);

}  // namespace descent
