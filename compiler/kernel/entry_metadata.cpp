#include "compiler/kernel/entry_metadata.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "compiler/graph/transcribe.h"
#include "ir/expansion.h"
#include "ir/index_map.h"
#include "ir/op_def.h"
#include "runtime/abi.h"

namespace descent {
namespace {

/// Whether numbers of type `from` stay what they are in type `to`, as far as a walk cares.
using KeepsNumbers = bool (*)(DType from, DType to);

bool StaysInteger(DType from, DType to) { return Info(from).is_integer && Info(to).is_integer; }
bool StaysNumber(DType from, DType to) { return Info(to).is_float || StaysInteger(from, to); }

/// Is the scalar an element of a carried operand as it is: a read, cast or selected?
bool IsCarried(const Node& node, const std::vector<bool>& carried, const TensorExpr& expr,
               const Scalar& scalar, KeepsNumbers keeps) {
  if (scalar->kind == ScalarKind::kRead)
    return carried[node.operands[expr.reads[scalar->slot].operand].node] &&
           keeps(scalar->dtype, scalar->dtype);
  if (scalar->kind != ScalarKind::kCall) return false;
  const auto& arguments = scalar->arguments;
  if (scalar->op == ScalarOp::kCast)
    return keeps(arguments[0]->dtype, scalar->dtype) &&
           IsCarried(node, carried, expr, arguments[0], keeps);
  return scalar->op == ScalarOp::kSelect && IsCarried(node, carried, expr, arguments[1], keeps) &&
         IsCarried(node, carried, expr, arguments[2], keeps);
}

/// Follows the integer values of one input through casts and layouts to where they select
/// something.
class IndexLimit {
 public:
  IndexLimit(const Graph& graph, Value input) : graph_(graph), carried_(graph.nodes().size()) {
    carried_[input.node] = true;
  }

  int64_t Run() {
    for (size_t i = 0; i < graph_.nodes().size(); ++i) {
      const Node& node = graph_.nodes()[i];
      if (node.op->form == KernelForm::kScatter && Carried(node, 1))
        Limit(node.types[0].shape.empty() ? 1 : node.types[0].shape[0]);
      else if (node.op->define != nullptr && UsesCarried(node))
        carried_[i] = Follow(node);
    }
    return limit_;
  }

 private:
  bool Carried(const Node& node, int operand) const {
    return carried_[node.operands[operand].node];
  }
  bool UsesCarried(const Node& node) const {
    return std::any_of(node.operands.begin(), node.operands.end(),
                       [&](Value operand) { return carried_[operand.node]; });
  }
  void Limit(int64_t extent) { limit_ = limit_ == 0 ? extent : std::min(limit_, extent); }

  /// Does the node pass the values on unchanged?
  bool Follow(const Node& node) {
    const std::vector<TensorType> types = OperandTypes(graph_, node);
    const TensorExpr expr = node.op->define({types, node.attributes});
    for (const Read& read : expr.reads)
      for (size_t axis = 0; axis < read.coordinates.size(); ++axis)
        VisitReads(read.coordinates[axis], [&](int slot) {
          if (Carried(node, expr.reads[slot].operand)) Limit(types[read.operand].shape[axis]);
        });
    std::vector<Scalar> roots = expr.results;
    if (expr.reducer)
      roots.insert(roots.end(), expr.reducer->step.begin(), expr.reducer->step.end());
    for (const Scalar& root : roots) VisitEquals(node, expr, root);
    return !expr.reducer && expr.results.size() == 1 && IsValue(node, expr, expr.results[0]);
  }

  bool IsValue(const Node& node, const TensorExpr& expr, const Scalar& scalar) const {
    return IsCarried(node, carried_, expr, scalar, StaysInteger);
  }

  void VisitEquals(const Node& node, const TensorExpr& expr, const Scalar& scalar) {
    if (!seen_.insert(scalar.get()).second) return;
    alive_.push_back(scalar);
    if (scalar->kind != ScalarKind::kCall) return;
    if (scalar->op == ScalarOp::kEq || scalar->op == ScalarOp::kNe)
      for (int side = 0; side < 2; ++side)
        if (IsValue(node, expr, scalar->arguments[side]))
          LimitByAxis(node, expr, scalar->arguments[1 - side]);
    for (const Scalar& argument : scalar->arguments) VisitEquals(node, expr, argument);
  }

  /// The other side of the comparison is an axis, or an iota along one.
  void LimitByAxis(const Node& node, const TensorExpr& expr, const Scalar& other) {
    if (other->kind == ScalarKind::kCall && other->op == ScalarOp::kCast)
      return LimitByAxis(node, expr, other->arguments[0]);
    if (other->kind == ScalarKind::kIndex && other->index->kind == IndexKind::kAxis)
      return Limit(expr.axes[other->index->value]);
    if (other->kind != ScalarKind::kRead) return;
    const Value operand = node.operands[expr.reads[other->slot].operand];
    const Node& producer = graph_.node(operand);
    if (producer.op->define == nullptr) return;
    const std::vector<TensorType> types = OperandTypes(graph_, producer);
    const TensorExpr inner = producer.op->define({types, producer.attributes});
    if (inner.results.size() == 1 && !inner.reducer) LimitByAxis(producer, inner, inner.results[0]);
  }

  const Graph& graph_;
  std::vector<bool> carried_;
  std::unordered_set<const ScalarNode*> seen_;
  std::vector<Scalar> alive_;
  int64_t limit_ = 0;
};

/// What nodes are made of, found once for all walks that meet them: one node may read all inputs.
class Meanings {
 public:
  const TensorExpr& DefinitionOf(const Graph& graph, const Node& node) {
    const auto known = definitions_.find(&node);
    if (known != definitions_.end()) return known->second;
    return definitions_
        .emplace(&node, node.op->define({OperandTypes(graph, node), node.attributes}))
        .first->second;
  }

  /// Operand i becomes input i, the first result the output.
  const Graph& ExpansionOf(const Graph& graph, const Node& node) {
    const auto known = expansions_.find(&node);
    if (known != expansions_.end()) return known->second;
    const std::vector<TensorType> types = OperandTypes(graph, node);
    GraphBuilder b;
    std::vector<Value> operands;
    for (const TensorType& type : types)
      operands.push_back(b.Input(fmt::format("operand{}", operands.size()), type));
    b.Output("result", ExpandOperator(b, *node.op, {types, node.attributes}, operands)[0]);
    return expansions_.emplace(&node, std::move(b).Build()).first->second;
  }

 private:
  std::unordered_map<const Node*, TensorExpr> definitions_;
  std::unordered_map<const Node*, Graph> expansions_;
};

/// Follows the numbers of inputs through casts and layouts to operands with a range.
class RangeWalk {
 public:
  explicit RangeWalk(Meanings& meanings) : meanings_(meanings) {}

  ValueRange Run(const Graph& graph, Value input) {
    std::vector<bool> carried(graph.nodes().size());
    carried[input.node] = true;
    Visit(graph, carried);
    return found_ ? range_ : ValueRange{};
  }

 private:
  /// Completes `carried`, which marks the inputs that are followed.
  void Visit(const Graph& graph, std::vector<bool>& carried) {
    for (size_t i = 0; i < graph.nodes().size(); ++i) {
      const Node& node = graph.nodes()[i];
      std::vector<bool> uses;
      for (const Value operand : node.operands) uses.push_back(carried[operand.node]);
      if (std::ranges::find(uses, true) == uses.end()) continue;
      Restrict(node, uses);
      if (node.op->is_composite()) {
        carried[i] = Expanded(meanings_.ExpansionOf(graph, node), uses) && node.types.size() == 1;
      } else if (node.op->define != nullptr) {
        const TensorExpr& expr = meanings_.DefinitionOf(graph, node);
        carried[i] = !expr.reducer && expr.results.size() == 1 &&
                     IsCarried(node, carried, expr, expr.results[0], StaysNumber);
      }
    }
  }

  void Restrict(const Node& node, const std::vector<bool>& uses) {
    const auto& specs = node.op->signature.operands;
    for (size_t i = 0; i < uses.size() && i < specs.size(); ++i) {
      if (!uses[i] || !specs[i].range) continue;
      range_.lowest = std::max(range_.lowest, specs[i].range->lowest);
      range_.highest = std::min(range_.highest, specs[i].range->highest);
      found_ = true;
    }
  }

  /// Does the expansion pass the numbers on as its first result?
  bool Expanded(const Graph& graph, const std::vector<bool>& uses) {
    std::vector<bool> carried(graph.nodes().size());
    for (size_t i = 0; i < uses.size(); ++i) carried[graph.inputs()[i].value.node] = uses[i];
    Visit(graph, carried);
    return carried[graph.outputs()[0].value.node];
  }

  Meanings& meanings_;
  ValueRange range_ = {-std::numeric_limits<double>::infinity(),
                       std::numeric_limits<double>::infinity()};
  bool found_ = false;
};

}  // namespace

int64_t FindIndexLimit(const Graph& graph, int input) {
  const Value value = graph.inputs()[input].value;
  return Info(graph.type(value).dtype).is_integer ? IndexLimit(graph, value).Run() : 0;
}

void FindValueRanges(const Graph& graph, std::span<EntryInput> inputs) {
  Meanings meanings;
  for (EntryInput& input : inputs)
    if (const NamedValue* found = graph.FindInput(input.binding.name))
      input.range = RangeWalk(meanings).Run(graph, found->value);
}

int OutputKindOf(const Model& model, const std::string& name) {
  if (model.entry == "metrics") return DESCENT_OUTPUT_METRIC;
  if (name.starts_with("metric.")) return DESCENT_OUTPUT_METRIC_SUMS;
  for (const Prediction& prediction : model.predictions) {
    if (prediction.name != name) continue;
    switch (prediction.kind) {
      case PredictionKind::kValue:
        return model.entry == "run" ? DESCENT_OUTPUT_VALUE : DESCENT_OUTPUT_PREDICTION;
      case PredictionKind::kProbability:
        return DESCENT_OUTPUT_PROBABILITY;
      case PredictionKind::kProbabilities:
        return DESCENT_OUTPUT_PROBABILITIES;
    }
  }
  return name == "loss" && model.entry != "run" ? DESCENT_OUTPUT_LOSS : DESCENT_OUTPUT_VALUE;
}

}  // namespace descent
