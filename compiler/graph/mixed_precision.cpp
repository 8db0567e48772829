#include "compiler/graph/mixed_precision.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "compiler/graph/sum_of_products.h"
#include "compiler/graph/transcribe.h"
#include "ir/index_map.h"
#include "ir/op_def.h"

namespace descent {
namespace {

/// What a node computes, if that is one loop nest.
std::optional<TensorExpr> Definition(const Node& node, std::span<const TensorType> types) {
  if (node.op->define == nullptr || node.op->form != KernelForm::kLoops) return std::nullopt;
  return node.op->define({types, node.attributes});
}

bool IsRead(const Scalar& scalar) { return scalar->kind == ScalarKind::kRead; }

/// The two reads of  acc = 0; acc += a * b  in f32.
std::optional<std::array<int, 2>> Factors(const TensorExpr& expr) {
  const auto factors = expr.reducer ? FactorsOf(*expr.reducer) : std::nullopt;
  if (!factors || expr.reducer->init[0]->dtype != DType::kF32) return std::nullopt;
  const auto& [a, b] = *factors;
  if (!IsRead(a) || !IsRead(b)) return std::nullopt;
  return std::array{a->slot, b->slot};
}

bool Moves(const Read& read, int axis) {
  return std::ranges::any_of(read.coordinates,
                             [&](const Index& index) { return UsesAxis(index, axis); });
}

/// Is each factor used again, for several results that the other one distinguishes? Else (sums of
/// products of two vectors, depthwise convolutions) memory decides, not the products.
bool IsContraction(const TensorExpr& expr, std::array<int, 2> factors) {
  const Read &a = expr.reads[factors[0]], &b = expr.reads[factors[1]];
  bool only_a = false, only_b = false;
  for (int axis = 0; axis < expr.rank; ++axis) {
    if (expr.axes[axis] == 1) continue;
    only_a |= Moves(a, axis) && !Moves(b, axis);
    only_b |= Moves(b, axis) && !Moves(a, axis);
  }
  return only_a && only_b;
}

/// Numbers of the operands of a contraction; nullopt of other nodes.
std::optional<std::array<int, 2>> ContractedOperands(const Graph& graph, const Node& node) {
  const auto expr = Definition(node, OperandTypes(graph, node));
  if (!expr) return std::nullopt;
  const auto factors = Factors(*expr);
  if (!factors || !IsContraction(*expr, *factors)) return std::nullopt;
  return std::array{expr->reads[(*factors)[0]].operand, expr->reads[(*factors)[1]].operand};
}

/// Does it give elements of its operands where they stand, or zeros?
bool OnlyMoves(const TensorExpr& expr) {
  return !expr.reducer && std::ranges::all_of(expr.results, IsRead) &&
         std::ranges::all_of(expr.reads, [](const Read& read) {
           return !read.outside || read.outside->number == 0;
         });
}

/// Has every element of it been rounded to bf16?
bool IsRounded(const GraphBuilder& b, Value value) {
  const Node& node = b.node(value);
  const auto expr = Definition(node, OperandTypes(b, node));
  if (!expr || expr->reducer || expr->results.size() != 1) return false;
  const ScalarNode& result = *expr->results[0];
  if (result.kind == ScalarKind::kCall && result.op == ScalarOp::kCast)
    return result.arguments[0]->dtype == DType::kBF16;
  return OnlyMoves(*expr) && std::ranges::all_of(node.operands, [&](Value operand) {
           return b.dtype(operand) != DType::kF32 || IsRounded(b, operand);
         });
}

/// f32 -> bf16 -> f32.
Value Round(GraphBuilder& b, Value value) {
  if (IsRounded(b, value)) return value;
  const Value rounded = b.Add("cast", {value}, {{"to", DType::kBF16}});
  return b.Add("cast", {rounded}, {{"to", DType::kF32}});
}

/// Which nodes give only statistics: what reductions other than contractions leave of activations,
/// and what is computed of these, parameters and constants alone.
std::vector<bool> FindStatistics(const Model& model) {
  const Graph& graph = model.graph;
  std::vector<bool> statistics;
  std::set<int32_t> data;
  for (const NamedValue& input : graph.inputs())
    if (model.FindInput(input.name) != nullptr) data.insert(input.value.node);
  for (const Node& node : graph.nodes()) {
    const auto expr = Definition(node, OperandTypes(graph, node));
    bool all = !data.contains(static_cast<int32_t>(statistics.size()));
    for (const Value operand : node.operands) all &= statistics[operand.node];
    if (expr && expr->reducer) all |= !ContractedOperands(graph, node);
    statistics.push_back(all);
  }
  return statistics;
}

/// Finds what is to be rounded, in a graph and the bodies in it, and rounds it while the graph is
/// copied.
class Rounding {
 public:
  explicit Rounding(const Model& model) {
    Collect(model.graph);
    CollectKept(model);
  }

  Result<std::optional<std::vector<Value>>> operator()(GraphBuilder& b, const Node& node,
                                                       std::span<const Value> operands) const {
    std::vector<Value> inputs(operands.begin(), operands.end());
    if (const auto found = operands_.find(&node); found != operands_.end())
      for (const int operand : found->second) inputs[operand] = Round(b, inputs[operand]);
    DESCENT_TRY(results, b.Copy(node, std::move(inputs)));
    if (results_.contains(&node)) results[0] = Round(b, results[0]);
    return results;
  }

 private:
  void Collect(const Graph& graph) {
    for (const Node& node : graph.nodes()) {
      for (const auto& [name, attribute] : node.attributes)
        if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&attribute))
          Collect(**body);
      const auto operands = ContractedOperands(graph, node);
      if (!operands) continue;
      operands_[&node].insert(operands->begin(), operands->end());
      if (node.label.section == Section::kForward) results_.insert(&node);
      for (const int operand : *operands) CollectActivation(graph, node.operands[operand]);
    }
  }

  /// Leaves (parameters, data) and what an update computes keep their form; below what only moves
  /// elements the elements are rounded.
  void CollectActivation(const Graph& graph, Value value) {
    const Node& node = graph.node(value);
    const auto expr = Definition(node, OperandTypes(graph, node));
    if (!expr || node.types.size() != 1 || node.types[0].dtype != DType::kF32) return;
    if (node.label.section == Section::kUpdate) return;
    if (!OnlyMoves(*expr)) {
      results_.insert(&node);
      return;
    }
    for (const Value operand : node.operands) CollectActivation(graph, operand);
  }

  /// Activations that the backward pass reads.
  void CollectKept(const Model& model) {
    const Graph& graph = model.graph;
    const std::vector<bool> statistics = FindStatistics(model);
    for (const Node& node : graph.nodes()) {
      if (node.label.section != Section::kBackward) continue;
      if (!Definition(node, OperandTypes(graph, node))) continue;
      for (size_t i = 0; i < node.operands.size(); ++i) {
        const Node& kept = graph.node(node.operands[i]);
        const bool computed = Definition(kept, OperandTypes(graph, kept)).has_value();
        if (computed && kept.label.section == Section::kForward &&
            graph.type(node.operands[i]).dtype == DType::kF32 && !statistics[node.operands[i].node])
          operands_[&node].insert(static_cast<int>(i));
      }
    }
  }

  std::set<const Node*> results_;                  ///< for all that read them
  std::map<const Node*, std::set<int>> operands_;  ///< for this node alone
};

}  // namespace

Result<Model> MixedPrecision(Model model, const PassOptions& options) {
  if (options.precision == FactorPrecision::kF32) return model;
  const Rounding rounding(model);
  DESCENT_TRY(graph, Transcribe(model.graph, rounding));
  model.graph = std::move(graph);
  return model;
}

}  // namespace descent
