#include "compiler/graph/flops.h"

#include <set>

#include "ir/counts.h"
#include "ir/work.h"

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

constexpr WorkMeasure kFlops{.of_definition = FlopsOf};

}  // namespace

int64_t FlopsOf(const OpDef& op, std::span<const TensorType> operands,
                const Attributes& attributes) {
  return CountWork(op, operands, attributes, kFlops);
}

int64_t FlopsOf(const Graph& graph, const Node& node) {
  std::vector<TensorType> types;
  for (const Value operand : node.operands) types.push_back(graph.type(operand));
  return FlopsOf(*node.op, types, node.attributes);
}

int64_t FlopsOf(const Graph& graph) { return CountWork(graph, kFlops); }

}  // namespace descent
