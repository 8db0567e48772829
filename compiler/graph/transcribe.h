// Copies the part of a graph that some values need into a builder, with a chance to replace each
// node.
//
// The one loop under most passes. Nodes come in order, so a node's operands are transcribed before
// it; bodies (attributes that are graphs) are transcribed first, by the same rule. Where operands
// have other shapes than in the source (another batch size), so have the inputs of bodies.
//
//   GraphBuilder b;
//   ValueMap map = CopyInputs(graph, b);
//   DESCENT_RETURN_IF_ERROR(Transcribe(graph, OutputValues(graph), rule, map, b));
//   for (const NamedValue& output : graph.outputs()) b.Output(output.name, map.At(output.value));
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "ir/diagnostic.h"
#include "ir/graph.h"

namespace descent {

/// From values of a source graph to values of a builder.
class ValueMap {
 public:
  explicit ValueMap(const Graph& source) : results_(source.nodes().size()) {}

  bool Has(int32_t node) const { return !results_[node].empty(); }
  void Set(int32_t node, std::vector<Value> results) { results_[node] = std::move(results); }
  Value At(Value value) const;
  std::vector<Value> At(std::span<const Value> values) const;

 private:
  std::vector<std::vector<Value>> results_;
};

/// Of a node of a graph or of a builder.
template <typename Owner>
std::vector<TensorType> OperandTypes(const Owner& owner, const Node& node) {
  std::vector<TensorType> types;
  for (const Value operand : node.operands) types.push_back(owner.type(operand));
  return types;
}

/// The results that stand for `node` over `operands` (values of the builder), or nullopt to copy
/// it.
using NodeRule = std::function<Result<std::optional<std::vector<Value>>>(
    GraphBuilder& b, const Node& node, std::span<const Value> operands)>;

/// Declares all inputs of `graph` in `b`, in order, with their labels.
ValueMap CopyInputs(const Graph& graph, GraphBuilder& b);

std::vector<Value> OutputValues(const Graph& graph);

/// Marks, per node, what `values` need.
std::vector<bool> Needed(const Graph& graph, std::span<const Value> values);

/// Adds what `wanted` needs and `map` does not hold yet. Nodes that a rule adds get the replaced
/// node's section and, as origin, its name or its own origin; the results inherit its names.
Result<void> Transcribe(const Graph& source, std::span<const Value> wanted, const NodeRule& rule,
                        ValueMap& map, GraphBuilder& b);

/// The rule that copies every node.
Result<std::optional<std::vector<Value>>> KeepNode(GraphBuilder& b, const Node& node,
                                                   std::span<const Value> operands);

/// The whole graph over inputs of these types.
Result<Graph> TranscribeOver(const Graph& source, std::span<const TensorType> inputs,
                             const NodeRule& rule);

/// The whole graph, same inputs and outputs.
Result<Graph> Transcribe(const Graph& source, const NodeRule& rule);

}  // namespace descent
