#include "ir/work.h"

#include <algorithm>

#include "ir/counts.h"
#include "ir/expansion.h"

namespace descent {
namespace {

/// Types and definition of a node are worked out anew each time it runs.
constexpr int64_t kPointsPerNode = 16;

/// Every point once per reduced one, then its results.
int64_t PointsOf(const TensorExpr& expr) {
  int64_t results = 1, steps = expr.reducer ? 1 : 0;
  for (size_t axis = 0; axis < expr.axes.size(); ++axis) {
    if (static_cast<int>(axis) < expr.rank) results = SaturatingMultiply(results, expr.axes[axis]);
    steps = SaturatingMultiply(steps, expr.axes[axis]);
  }
  return SaturatingAdd(results, steps);
}

/// Where there are several bodies, one runs: the largest counts.
int64_t WorkOfBodies(const Attributes& attributes, const WorkMeasure& measure) {
  int64_t work = 0;
  for (const auto& [name, value] : attributes)
    if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value))
      work = std::max(work, CountWork(**body, measure));
  return work;
}

/// What is copied into the body of a loop and out of it.
int64_t ElementsOfIteration(const Graph& body) {
  int64_t elements = 0;
  for (const std::span<const NamedValue> values : {body.inputs(), body.outputs()})
    for (const NamedValue& value : values)
      elements = SaturatingAdd(elements, body.type(value.value).elements());
  return elements;
}

int64_t WorkOfLoop(const OpDef& op, const OpContext& context, const WorkMeasure& measure) {
  int64_t iteration = SaturatingAdd(measure.per_node, WorkOfBodies(context.attributes, measure));
  if (measure.per_element > 0)
    iteration = SaturatingAdd(
        iteration, SaturatingMultiply(measure.per_element,
                                      ElementsOfIteration(context.attributes.Body("body"))));
  return SaturatingMultiply(op.loop(context).trip_count, iteration);
}

/// Beside `per_node`.
int64_t WorkOf(const OpDef& op, const OpContext& context, const WorkMeasure& measure) {
  if (op.leaf == Leaf::kConstant)
    return SaturatingMultiply(measure.per_element, context.attributes.Literal("value").elements());
  if (op.loop != nullptr) return WorkOfLoop(op, context, measure);
  if (op.control == Control::kBranch) return WorkOfBodies(context.attributes, measure);
  if (op.define != nullptr) return measure.of_definition(op.define(context));
  if (op.expand == nullptr) return 0;
  GraphBuilder b;
  std::vector<Value> inputs;
  for (const TensorType& type : context.operands)
    inputs.push_back(b.Input(fmt::format("operand{}", inputs.size()), type));
  const std::vector<Value> results = ExpandOperator(b, op, context, inputs);
  for (size_t i = 0; i < results.size(); ++i) b.Output(fmt::format("result{}", i), results[i]);
  return CountWork(std::move(b).Build(), measure);
}

}  // namespace

int64_t CountWork(const OpDef& op, std::span<const TensorType> operands,
                  const Attributes& attributes, const WorkMeasure& measure) {
  return SaturatingAdd(measure.per_node, WorkOf(op, {operands, attributes}, measure));
}

int64_t CountWork(const Graph& graph, const WorkMeasure& measure) {
  int64_t work = 0;
  for (const Node& node : graph.nodes()) {
    std::vector<TensorType> operands;
    for (const Value operand : node.operands) operands.push_back(graph.type(operand));
    work = SaturatingAdd(work, CountWork(*node.op, operands, node.attributes, measure));
  }
  return work;
}

int64_t InterpreterWork(const OpDef& op, std::span<const TensorType> operands,
                        const Attributes& attributes) {
  constexpr WorkMeasure kPoints{
      .of_definition = PointsOf, .per_node = kPointsPerNode, .per_element = 1};
  return CountWork(op, operands, attributes, kPoints);
}

}  // namespace descent
