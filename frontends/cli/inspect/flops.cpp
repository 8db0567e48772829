#include "frontends/cli/inspect/flops.h"

#include <algorithm>
#include <set>

#include "ir/op_def.h"

namespace descent::cli {
namespace {

/// Float operations of a scalar expression; shared sub-trees once.
int64_t CallsIn(const Scalar& scalar, std::set<const ScalarNode*>& seen) {
  if (!seen.insert(scalar.get()).second) return 0;
  int64_t calls = 0;
  const bool moves = scalar->op == ScalarOp::kSelect || scalar->op == ScalarOp::kCast;
  if (scalar->kind == ScalarKind::kCall && Info(scalar->dtype).is_float && !moves) calls = 1;
  for (const Scalar& argument : scalar->arguments) calls += CallsIn(argument, seen);
  return calls;
}

int64_t CallsIn(const std::vector<Scalar>& scalars) {
  std::set<const ScalarNode*> seen;
  int64_t calls = 0;
  for (const Scalar& scalar : scalars) calls += CallsIn(scalar, seen);
  return calls;
}

int64_t FlopsOfExpr(const TensorExpr& expr) {
  const int64_t points = Elements({expr.axes.begin(), expr.axes.begin() + expr.rank});
  int64_t flops = points * CallsIn(expr.results);
  if (expr.reducer) flops += Elements(expr.axes) * CallsIn(expr.reducer->step);
  return flops;
}

/// Bodies: attributes that are graphs. Where there are several, one runs: the largest counts.
int64_t FlopsOfBodies(const Node& node) {
  int64_t flops = 0;
  for (const auto& [name, value] : node.attributes)
    if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value))
      flops = std::max(flops, Flops(**body));
  return flops;
}

}  // namespace

int64_t Flops(const Graph& graph, const Node& node) {
  std::vector<TensorType> types;
  for (const Value operand : node.operands) types.push_back(graph.type(operand));
  const OpContext context = {types, node.attributes};
  if (node.op->define != nullptr) return FlopsOfExpr(node.op->define(context));
  if (node.op->control == Control::kLoop)
    return node.op->loop(context).trip_count * FlopsOfBodies(node);
  if (node.op->control == Control::kBranch) return FlopsOfBodies(node);
  if (node.op->expand == nullptr) return 0;
  GraphBuilder builder;
  std::vector<Value> operands;
  for (size_t i = 0; i < types.size(); ++i)
    operands.push_back(builder.Input(fmt::format("operand{}", i), types[i]));
  const auto results = node.op->expand(builder, context, operands);
  for (size_t i = 0; i < results.size(); ++i)
    builder.Output(fmt::format("result{}", i), results[i]);
  return Flops(std::move(builder).Build());
}

int64_t Flops(const Graph& graph) {
  int64_t flops = 0;
  for (const Node& node : graph.nodes()) flops += Flops(graph, node);
  return flops;
}

}  // namespace descent::cli
