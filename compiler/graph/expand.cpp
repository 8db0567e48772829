#include "compiler/graph/expand.h"

#include <algorithm>

#include "compiler/graph/transcribe.h"
#include "ir/expansion.h"

namespace descent {
namespace {

// An operator expands to simpler ones, so expansions nest no deeper than this.
constexpr int kMaxDepth = 32;

bool HasComposite(const Graph& graph) {
  return std::ranges::any_of(graph.nodes(), [&](const Node& node) {
    const std::vector<TensorType> types = OperandTypes(graph, node);
    if (node.op->IsReplaced({types, node.attributes})) return true;
    return std::ranges::any_of(node.attributes, [](const Attributes::Entry& attribute) {
      const auto* body = std::get_if<std::shared_ptr<const Graph>>(&attribute.second);
      return body != nullptr && HasComposite(**body);
    });
  });
}

Result<std::optional<std::vector<Value>>> ExpandNode(GraphBuilder& b, const Node& node,
                                                     std::span<const Value> operands) {
  std::vector<TensorType> types;
  for (const Value operand : operands) types.push_back(b.type(operand));
  if (!node.op->IsReplaced({types, node.attributes})) return std::nullopt;
  return ExpandOperator(b, *node.op, OpContext{types, node.attributes}, operands);
}

}  // namespace

Result<Graph> ExpandGraph(const Graph& graph) {
  Graph expanded = graph;
  for (int depth = 0; HasComposite(expanded); ++depth) {
    DESCENT_CHECK(depth < kMaxDepth, "an operator expands to itself");
    DESCENT_TRY(next, Transcribe(expanded, ExpandNode));
    expanded = std::move(next);
  }
  return expanded;
}

Result<Model> Expand(Model model, const PassOptions&) {
  DESCENT_TRY(graph, ExpandGraph(model.graph));
  model.graph = std::move(graph);
  model.expanded = true;
  return model;
}

}  // namespace descent
