#include "compiler/graph/fold_constants.h"

#include <algorithm>

#include "compiler/graph/transcribe.h"
#include "ir/counts.h"
#include "ir/interpreter.h"
#include "ir/work.h"

namespace descent {
namespace {

/// Worth a constant: all operands are, and the results are small and no larger than what they
/// replace.
bool Folds(const GraphBuilder& b, const Node& node, std::span<const Value> operands,
           int64_t limit_elems) {
  // Composites may draw random numbers; they are folded once they are expanded.
  if (operands.empty() || node.op->define == nullptr) return false;
  int64_t largest = 1;
  for (const Value operand : operands) {
    if (b.node(operand).op->leaf != Leaf::kConstant) return false;
    largest = std::max(largest, b.type(operand).elements());
  }
  return std::ranges::all_of(node.types, [&](const TensorType& type) {
    return type.elements() <= std::min(limit_elems, largest);
  });
}

/// Operands are read as a whole, whatever is used of them.
int64_t WorkOf(const GraphBuilder& b, const Node& node, std::span<const Value> operands) {
  std::vector<TensorType> types;
  int64_t elements = 0;
  for (const Value operand : operands) {
    types.push_back(b.type(operand));
    elements = SaturatingAdd(elements, types.back().elements());
  }
  return SaturatingAdd(elements, InterpreterWork(*node.op, types, node.attributes));
}

/// Nothing where the value has something to report when it is computed.
Result<std::optional<std::vector<Value>>> Fold(GraphBuilder& b, const Node& node,
                                               std::span<const Value> operands) {
  GraphBuilder alone;
  std::vector<Value> constants;
  for (const Value operand : operands)
    constants.push_back(alone.Constant(b.node(operand).attributes.Literal("value")));
  DESCENT_TRY(results, alone.Copy(node, std::move(constants)));
  for (size_t i = 0; i < results.size(); ++i) alone.Output(fmt::format("{}", i), results[i]);
  const auto run = Interpret(std::move(alone).Build(), {});
  if (!run || run->bad_index || run->not_finite) return std::nullopt;
  std::vector<Value> values;
  for (const Tensor& tensor : run->outputs) values.push_back(b.Constant(tensor));
  return values;
}

}  // namespace

Result<Model> FoldConstants(Model model, const PassOptions& options) {
  // A condition that is known leaves one side.
  const auto chosen = [](GraphBuilder& b, const Node& node, std::span<const Value> operands) {
    const bool taken = b.node(operands[0]).attributes.Literal("value").GetInt(0) != 0;
    return InlineOutputs(node.attributes.Body(taken ? "then_body" : "else_body"),
                         operands.subspan(1), b);
  };
  int64_t work_left = options.fold_limit_work;
  const NodeRule rule =
      [&](GraphBuilder& b, const Node& node,
          std::span<const Value> operands) -> Result<std::optional<std::vector<Value>>> {
    if (node.op->control == Control::kBranch && b.node(operands[0]).op->leaf == Leaf::kConstant)
      return chosen(b, node, operands);
    if (!Folds(b, node, operands, options.fold_limit_elems)) return std::nullopt;
    const int64_t work = WorkOf(b, node, operands);
    if (work > work_left) return std::nullopt;
    work_left -= work;
    return Fold(b, node, operands);
  };
  DESCENT_TRY(graph, Transcribe(model.graph, rule));
  model.graph = std::move(graph);
  return model;
}

}  // namespace descent
