#include "ir/autodiff.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>

#include "ir/expansion.h"
#include "ir/expr.h"
#include "ir/op_def.h"

namespace descent {
namespace {

/// What a visit needs of a node, copied: adding nodes moves the builder's own.
struct Visited {
  const OpDef* op;
  std::vector<Value> operands;
  std::vector<TensorType> operand_types;
  Attributes attributes;
  std::vector<Value> results;
  std::string name;
};

Visited CopyOf(const GraphBuilder& b, int32_t number) {
  const Node& node = b.node({number, 0});
  Visited visited{node.op, node.operands, {}, node.attributes, {}, node.label.origin};
  for (const Value operand : node.operands) visited.operand_types.push_back(b.type(operand));
  for (int32_t i = 0; i < static_cast<int32_t>(node.types.size()); ++i)
    visited.results.push_back({number, i});
  const auto named =
      std::ranges::find_if(node.label.names, [](const std::string& name) { return !name.empty(); });
  if (named != node.label.names.end()) visited.name = *named;
  if (visited.name.empty()) visited.name = fmt::format("%{}", number);
  return visited;
}

class ReverseWalker {
 public:
  ReverseWalker(GraphBuilder& b, std::span<const Value> wanted, std::span<const Value> constant)
      : b_(b), wanted_(wanted.begin(), wanted.end()), constant_(constant.begin(), constant.end()) {}

  Result<std::vector<Value>> Run(std::span<const Cotangent> outputs,
                                 std::span<const Value> wanted) {
    int32_t last = -1;
    for (const Cotangent& output : outputs) last = std::max(last, output.value.node);
    FindDependent(last);
    for (const Cotangent& output : outputs)
      if (IsActive(output.value)) contributions_[output.value].push_back(output.gradient);
    for (int32_t number = last; number >= 0; --number)
      if (dependent_[number]) DESCENT_RETURN_IF_ERROR(Visit(number));
    std::vector<Value> gradients;
    for (const Value value : wanted) {
      const Value sum = TakeSum(value, value);
      gradients.push_back(sum.valid() ? sum : ZerosLike(b_, value));
    }
    return gradients;
  }

 private:
  bool IsActive(Value value) const {
    if (!Info(b_.dtype(value)).is_float) return false;
    if (wanted_.contains(value)) return true;
    return !constant_.contains(value) && value.node < static_cast<int32_t>(dependent_.size()) &&
           dependent_[value.node];
  }

  /// Marks nodes up to `last` with a differentiable path from a wanted value.
  void FindDependent(int32_t last) {
    dependent_.assign(last + 1, false);
    for (int32_t number = 0; number <= last; ++number)
      dependent_[number] = std::ranges::any_of(b_.node({number, 0}).operands,
                                               [&](Value operand) { return IsActive(operand); });
  }

  /// Sum of what has arrived at `value`; invalid when nothing has. The wanted value itself keeps
  /// what arrives until the end: `taker` is a result while its node is visited, the value itself at
  /// the end.
  Value TakeSum(Value value, Value taker) {
    if (wanted_.contains(value) && taker != value) return {};
    const auto place = contributions_.find(value);
    if (place == contributions_.end()) return {};
    Expr sum(b_, place->second.front());
    for (size_t i = 1; i < place->second.size(); ++i) sum = sum + Expr(b_, place->second[i]);
    return sum;
  }

  Result<void> Visit(int32_t number) {
    const Visited node = CopyOf(b_, number);
    b_.SetOrigin(node.name, Section::kBackward);
    std::vector<Value> gradients;
    for (const Value result : node.results) gradients.push_back(TakeSum(result, {}));
    if (std::ranges::none_of(gradients, &Value::valid)) return {};
    const auto wants = std::make_unique<bool[]>(node.operands.size());
    for (size_t i = 0; i < node.operands.size(); ++i) wants[i] = IsActive(node.operands[i]);
    const OpContext context{node.operand_types, node.attributes};
    std::optional<Diagnostic> error;
    const VjpContext vjp{b_,           context,   node.operands,
                         node.results, gradients, {wants.get(), node.operands.size()},
                         &error};
    DESCENT_TRY(partials, Partials(node, vjp));
    if (error) return std::unexpected(*std::move(error));
    DESCENT_CHECK(partials.size() == node.operands.size(), "one gradient per operand");
    for (size_t i = 0; i < partials.size(); ++i) {
      if (!wants[i] || !partials[i].valid()) continue;
      DESCENT_CHECK(b_.dtype(partials[i]) == node.operand_types[i].dtype, "dtype of a gradient");
      contributions_[node.operands[i]].push_back(
          FitGradient(b_, partials[i], node.operand_types[i].shape));
    }
    return {};
  }

  Result<std::vector<Value>> Partials(const Visited& node, const VjpContext& vjp) {
    if (node.op->vjp != nullptr) return node.op->vjp(vjp);
    if (node.op->expand == nullptr || !node.op->no_gradient.empty())
      return Error("{} ({}) has no gradient: {}", Quoted(node.name), node.op->name,
                   node.op->no_gradient);
    return ThroughExpansion(node, vjp);
  }

  Result<std::vector<Value>> ThroughExpansion(const Visited& node, const VjpContext& vjp) {
    b_.SetOrigin(node.name, Section::kForward);
    const std::vector<Value> results = ExpandOperator(b_, *node.op, vjp.op, node.operands);
    b_.SetOrigin(node.name, Section::kBackward);
    std::vector<Cotangent> seeds;
    for (size_t i = 0; i < results.size(); ++i)
      if (vjp.gradients[i].valid()) seeds.push_back({results[i], vjp.gradients[i]});
    std::vector<Value> wanted;
    for (size_t i = 0; i < node.operands.size(); ++i)
      if (vjp.wanted[i]) wanted.push_back(node.operands[i]);
    std::ranges::sort(wanted);
    wanted.erase(std::ranges::unique(wanted).begin(), wanted.end());
    DESCENT_TRY(gradients, ReverseWalk(b_, seeds, wanted));
    // A value that stands twice among the operands has its whole gradient at the first place.
    std::vector<Value> partials(node.operands.size());
    for (size_t i = 0; i < wanted.size(); ++i)
      partials[std::ranges::find(node.operands, wanted[i]) - node.operands.begin()] = gradients[i];
    return partials;
  }

  GraphBuilder& b_;
  const std::set<Value> wanted_, constant_;
  std::vector<bool> dependent_;
  std::map<Value, std::vector<Value>> contributions_;
};

}  // namespace

Result<std::vector<Value>> ReverseWalk(GraphBuilder& b, std::span<const Cotangent> outputs,
                                       std::span<const Value> wanted,
                                       std::span<const Value> constant) {
  for (const Value value : wanted)
    if (!Info(b.dtype(value)).is_float)
      return Error("no gradient of a value of type {}: only floats have one",
                   ToString(b.type(value)));
  for (const Cotangent& output : outputs)
    DESCENT_CHECK(b.type(output.value) == b.type(output.gradient), "type of an arriving gradient");
  const std::string origin = b.origin();
  const Section section = b.section();
  b.SetOrigin(origin, Section::kBackward);
  auto gradients = ReverseWalker(b, wanted, constant).Run(outputs, wanted);
  b.SetOrigin(origin, section);
  return gradients;
}

Value FitGradient(GraphBuilder& b, Value gradient, const Shape& shape) {
  Expr g(b, gradient);
  if (g.shape() == shape) return gradient;
  const Shape from = g.shape();
  const int extra = static_cast<int>(from.size()) - static_cast<int>(shape.size());
  std::vector<int64_t> leading, stretched;
  for (int i = 0; i < static_cast<int>(from.size()); ++i) {
    if (i < extra) leading.push_back(i);
    if (i >= extra && shape[i - extra] == 1 && from[i] != 1) stretched.push_back(i);
  }
  if (stretched.empty() && !leading.empty()) g = Sum(g, leading);
  if (!stretched.empty()) {
    std::ranges::copy(leading, std::back_inserter(stretched));
    g = Sum(g, stretched, true);
    const Shape kept = g.shape();
    g = Reshape(g, {kept.begin() + std::max(extra, 0), kept.end()});
  }
  return ExpandTo(g, shape);
}

Value ZerosLike(GraphBuilder& b, Value like) {
  return ExpandTo({b, b.ConstantLike(like, 0)}, b.shape(like));
}

}  // namespace descent
