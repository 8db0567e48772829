// Simplify: applies the algebraic rules of rules.h, from the inputs to the outputs, until none
// applies; in bodies, too. In an expanded model, rules that name a composite are left out.
//
//   loss = bce(sigmoid(z), y)   ->   loss = bce_with_logits(z, y)
#pragma once

#include "compiler/graph/pass_options.h"
#include "compiler/graph/rules.h"
#include "ir/model.h"

namespace descent {

Result<Model> Simplify(Model model, const PassOptions& options);
/// `expanded`: rules must not name a composite.
Result<Graph> SimplifyGraph(const Graph& graph, bool expanded);

/// What `rule` alone makes of `root`, or nullopt where it does not apply.
std::optional<Value> ApplyRule(const Rule& rule, GraphBuilder& b, Value root);

}  // namespace descent
