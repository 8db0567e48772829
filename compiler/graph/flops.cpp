#include "compiler/graph/flops.h"

#include <algorithm>
#include <set>

#include "compiler/graph/transcribe.h"
#include "ir/counts.h"
#include "ir/index_map.h"
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

/// Is its value that of its first operand, and the others only have to be there first?
bool IsBarrier(const Node& node, std::span<const TensorType> operands) {
  if (node.op->define == nullptr || operands.size() < 2 || operands[0] != node.types[0])
    return false;
  const TensorExpr expr = node.op->define({operands, node.attributes});
  if (expr.reducer || expr.results.size() != 1 || expr.reads.size() != 1) return false;
  const Read& read = expr.reads[0];
  const std::vector<Index> axes = AxisRange(0, static_cast<int>(operands[0].shape.size()));
  return expr.results[0]->kind == ScalarKind::kRead && read.operand == 0 && read.guards.empty() &&
         std::ranges::equal(read.coordinates, axes, SameIndex);
}

}  // namespace

int64_t FlopsOf(const OpDef& op, std::span<const TensorType> operands,
                const Attributes& attributes) {
  return CountWork(op, operands, attributes, kFlops);
}

int64_t FlopsOf(const Graph& graph, const Node& node) {
  return FlopsOf(*node.op, OperandTypes(graph, node), node.attributes);
}

int64_t FlopsOf(const Graph& graph) { return CountWork(graph, kFlops); }

int64_t ModelFlops(const Graph& graph) {
  // Without barriers what is computed again is an equal node, and those are merged.
  const auto merged =
      Transcribe(graph, [](GraphBuilder& b, const Node& node, std::span<const Value> operands) {
        std::vector<TensorType> types;
        for (const Value operand : operands) types.push_back(b.type(operand));
        return IsBarrier(node, types)
                   ? Result<std::optional<std::vector<Value>>>(std::vector<Value>{operands[0]})
                   : KeepNode(b, node, operands);
      });
  DESCENT_CHECK(merged.has_value(), "copying a graph cannot fail");
  return FlopsOf(*merged);
}

}  // namespace descent
