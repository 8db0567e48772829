#include "compiler/graph/class_axis.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <set>
#include <vector>

#include "ir/index_map.h"
#include "ir/op_def.h"

namespace descent {
namespace {

/// A set of axes, a bit for each.
using Axes = uint64_t;

/// What is known of a value.
struct Origin {
  bool of_data = false;     ///< computed of the model's inputs
  bool of_weights = false;  ///< computed of its slots
  Axes classes = 0;         ///< of data: axes that the last layer's weights gave
};

/// Units stay axes, too.
Shape WithoutUnits(Shape extents) {
  for (int64_t& extent : extents) extent = std::max<int64_t>(extent, 2);
  return extents;
}

/// For each coordinate of the read the parallel axes that occur in it, as far as they are no values
/// of other reads.
std::vector<Axes> AxesOfRead(const TensorExpr& expr, const Read& read) {
  const Shape extents = WithoutUnits(expr.axes);
  std::vector<Axes> found;
  for (const Index& coordinate : read.coordinates) {
    std::set<int> axes, reads;
    CollectUses(Simplify(coordinate, extents), axes, reads);
    Axes bits = 0;
    for (const int axis : axes)
      if (axis < expr.rank) bits |= Axes{1} << axis;
    found.push_back(bits);
  }
  return found;
}

/// Axes of weights alone are new; without any the operands' stay, each where it is read along.
Origin OriginOfExpr(const TensorExpr& expr, std::span<const Origin> operands) {
  Origin origin;
  Axes of_data = 0, of_weights = 0;
  for (const Read& read : expr.reads) {
    const Origin& operand = operands[read.operand];
    origin.of_data |= operand.of_data;
    origin.of_weights |= operand.of_weights;
    const std::vector<Axes> axes = AxesOfRead(expr, read);
    for (size_t i = 0; i < axes.size(); ++i) {
      if (operand.of_data) of_data |= axes[i];
      if (!operand.of_data && operand.of_weights) of_weights |= axes[i];
      if (operand.of_data && (operand.classes >> i & 1) != 0) origin.classes |= axes[i];
    }
  }
  if (const Axes added = of_weights & ~of_data; added != 0) origin.classes = added;
  if (!origin.of_data) origin.classes = 0;
  return origin;
}

using Origins = std::vector<std::vector<Origin>>;

Origins OriginsOf(const Graph& graph, std::span<const Origin> inputs);

std::vector<Origin> OriginsOfComposite(const OpDef& op, const OpContext& context,
                                       std::span<const Origin> operands) {
  GraphBuilder b;
  std::vector<Value> inputs;
  for (const TensorType& type : context.operands)
    inputs.push_back(b.Input(fmt::format("operand{}", inputs.size()), type));
  const std::vector<Value> results = op.expand(b, context, inputs);
  for (size_t i = 0; i < results.size(); ++i) b.Output(fmt::format("result{}", i), results[i]);
  const Graph graph = std::move(b).Build();
  const Origins inner = OriginsOf(graph, operands);
  std::vector<Origin> origins;
  for (const NamedValue& output : graph.outputs())
    origins.push_back(inner[output.value.node][output.value.result]);
  return origins;
}

std::vector<Origin> OriginsOfNode(const Graph& graph, const Node& node, const Origins& before) {
  std::vector<TensorType> types;
  std::vector<Origin> operands;
  Origin all;
  for (const Value operand : node.operands) {
    types.push_back(graph.type(operand));
    operands.push_back(before[operand.node][operand.result]);
    all.of_data |= operands.back().of_data;
    all.of_weights |= operands.back().of_weights;
  }
  // Loops, branches and values that no data reach say nothing of classes.
  if (all.of_data && node.op->loop == nullptr) {
    const OpContext context{types, node.attributes};
    if (node.op->define != nullptr)
      return std::vector(node.types.size(), OriginOfExpr(node.op->define(context), operands));
    if (node.op->expand != nullptr) return OriginsOfComposite(*node.op, context, operands);
  }
  return std::vector(node.types.size(), all);
}

Origins OriginsOf(const Graph& graph, std::span<const Origin> inputs) {
  Origins origins(graph.nodes().size());
  for (size_t i = 0; i < inputs.size(); ++i) origins[graph.inputs()[i].value.node] = {inputs[i]};
  for (size_t number = 0; number < origins.size(); ++number)
    if (origins[number].empty())
      origins[number] = OriginsOfNode(graph, graph.nodes()[number], origins);
  return origins;
}

}  // namespace

std::optional<int> ClassAxisOfWeights(const Model& model, Value value) {
  std::vector<Origin> inputs;
  for (const NamedValue& input : model.graph.inputs()) {
    const bool is_data = model.FindInput(input.name) != nullptr;
    inputs.push_back({.of_data = is_data, .of_weights = !is_data});
  }
  const Axes classes = OriginsOf(model.graph, inputs)[value.node][value.result].classes;
  if (std::popcount(classes) != 1 || (classes & 1) != 0) return std::nullopt;
  return std::countr_zero(classes);
}

std::optional<std::vector<int>> ArrangedAxes(const Graph& graph, const Node& node) {
  if (node.op->define == nullptr || node.operands.size() != 1 || node.types.size() != 1)
    return std::nullopt;
  const TensorType& type = graph.type(node.operands[0]);
  const TensorExpr expr = node.op->define({{&type, 1}, node.attributes});
  const bool moves = expr.reads.size() == 1 && expr.reads[0].guards.empty() && !expr.reducer &&
                     expr.results[0]->kind == ScalarKind::kRead &&
                     type.elements() == node.types[0].elements();
  if (!moves) return std::nullopt;
  std::vector<int> arranged;
  for (const Axes axes : AxesOfRead(expr, expr.reads[0]))
    arranged.push_back(std::popcount(axes) == 1 ? std::countr_zero(axes) : -1);
  return arranged;
}

}  // namespace descent
