// Expand: replaces composites by what their OpDef's `expand` says, until only operators with a
// define, leaves, control operators and operators with a kernel form of their own remain; in
// bodies, too. The model says so from then on (Model::expanded), which keeps Simplify from naming a
// composite again.
//
//   yhat = softmax(z)   ->   max, sub, exp, sum, div, each with origin "yhat"
#pragma once

#include "compiler/graph/pass_options.h"
#include "ir/model.h"

namespace descent {

Result<Model> Expand(Model model, const PassOptions& options);
Result<Graph> ExpandGraph(const Graph& graph);

}  // namespace descent
