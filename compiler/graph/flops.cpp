#include "compiler/graph/flops.h"

#include <algorithm>
#include <set>

#include "ir/counts.h"
#include "ir/op_def.h"

namespace descent {
namespace {

/// Floating-point instructions of the trees, shared ones once.
int64_t CountFlops(const std::vector<Scalar>& roots) {
  std::set<const ScalarNode*> seen;
  int64_t flops = 0;
  std::vector<const ScalarNode*> pending;
  for (const Scalar& root : roots) pending.push_back(root.get());
  while (!pending.empty()) {
    const ScalarNode* node = pending.back();
    pending.pop_back();
    if (node->kind != ScalarKind::kCall || !seen.insert(node).second) continue;
    // Comparisons give bools, so they drop out here; a cast and a selection compute nothing.
    const bool computes = node->op != ScalarOp::kCast && node->op != ScalarOp::kSelect;
    flops += Info(node->dtype).is_float && computes;
    for (const Scalar& argument : node->arguments) pending.push_back(argument.get());
  }
  return flops;
}

int64_t FlopsOf(const TensorExpr& expr) {
  int64_t results = CountFlops(expr.results);
  int64_t steps = expr.reducer ? CountFlops(expr.reducer->step) : 0;
  for (size_t axis = 0; axis < expr.axes.size(); ++axis) {
    if (static_cast<int>(axis) < expr.rank) results = SaturatingMultiply(results, expr.axes[axis]);
    steps = SaturatingMultiply(steps, expr.axes[axis]);
  }
  return SaturatingAdd(results, steps);
}

/// Where there are several bodies, one runs: the largest counts.
int64_t FlopsOfBodies(const Attributes& attributes) {
  int64_t flops = 0;
  for (const auto& [name, value] : attributes)
    if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value))
      flops = std::max(flops, FlopsOf(**body));
  return flops;
}

}  // namespace

int64_t FlopsOf(const OpDef& op, std::span<const TensorType> operands,
                const Attributes& attributes) {
  const OpContext context{operands, attributes};
  if (op.loop != nullptr)
    return SaturatingMultiply(op.loop(context).trip_count, FlopsOfBodies(attributes));
  if (op.control == Control::kBranch) return FlopsOfBodies(attributes);
  if (op.define != nullptr) return FlopsOf(op.define(context));
  if (op.expand == nullptr) return 0;
  GraphBuilder b;
  std::vector<Value> inputs;
  for (size_t i = 0; i < operands.size(); ++i)
    inputs.push_back(b.Input(fmt::format("operand{}", i), operands[i]));
  const std::vector<Value> results = op.expand(b, context, inputs);
  for (size_t i = 0; i < results.size(); ++i) b.Output(fmt::format("result{}", i), results[i]);
  return FlopsOf(std::move(b).Build());
}

int64_t FlopsOf(const Graph& graph, const Node& node) {
  std::vector<TensorType> types;
  for (const Value operand : node.operands) types.push_back(graph.type(operand));
  return FlopsOf(*node.op, types, node.attributes);
}

int64_t FlopsOf(const Graph& graph) {
  int64_t flops = 0;
  for (const Node& node : graph.nodes()) flops = SaturatingAdd(flops, FlopsOf(graph, node));
  return flops;
}

}  // namespace descent
