// Attention whose state is one matrix a head: what is read after each step does not grow.
#include <cmath>
#include <memory>
#include <optional>

#include "frontends/onnx/ops/families.h"
#include "ir/expr.h"

namespace descent::onnx {
namespace {

struct Rule {
  bool gated = false, delta = false;
};

struct Heads {
  int64_t batch, steps, groups;  ///< query heads read the states of `groups` heads
  int64_t shared;                ///< query heads for each of those
  int64_t keys, values;          ///< numbers of a head
};

/// [batch, steps, heads * width] as [steps, batch, heads.., width].
Value ByStep(OnnxNode& n, Value x, const Heads& heads, Shape behind, DType dtype) {
  Shape shape = {heads.batch, heads.steps};
  shape.insert(shape.end(), behind.begin(), behind.end());
  return n.MoveAxis(n.Reshape(n.Cast(x, dtype), shape), 1, 0);
}

Heads ReadHeads(OnnxNode& n) {
  const Shape q = n.shape(n.In(0)), k = n.shape(n.In(1)), v = n.shape(n.In(2));
  const int64_t readers = n.Int("q_num_heads", 0), groups = n.Int("kv_num_heads", 0);
  const bool fit = q.size() == 3 && k.size() == 3 && v.size() == 3 && groups > 0 && readers > 0 &&
                   readers % groups == 0 && q[2] % readers == 0 && v[2] % groups == 0 &&
                   k[2] == q[2] / std::max<int64_t>(readers, 1) * groups &&
                   Shape{q[0], q[1]} == Shape{k[0], k[1]} && Shape{q[0], q[1]} == Shape{v[0], v[1]};
  if (!fit) {
    n.Fail("query {}, key {} and value {} are no heads of {} and {}", ToString(q), ToString(k),
           ToString(v), readers, groups);
    return {};
  }
  return {q[0], q[1], groups, readers / groups, q[2] / readers, v[2] / groups};
}

/// One step: state [batch, groups, keys, values], query [batch, groups, shared, keys].
struct Step {
  Expr state, query, key, value;
  std::optional<Expr> decay, rate;

  /// The next state, and what is read from it: [batch, groups, shared, values].
  std::vector<Expr> Run(double scale) const {
    Expr kept = state, written = Unsqueeze(value, 2);
    if (decay) kept = kept * Unsqueeze(Exp(*decay), 3);
    if (rate) written = Unsqueeze(*rate, 2) * (written - Matmul(Unsqueeze(key, 2), kept));
    const Expr next = kept + Matmul(Unsqueeze(key, 3), written);
    return {next, Matmul(query, next) * scale};
  }
};

std::optional<Rule> ReadRule(OnnxNode& n) {
  const std::string word = n.Choice("update_rule", {"gated_delta", "linear", "gated", "delta"});
  const Rule rule{.gated = word.starts_with("gated"), .delta = word.ends_with("delta")};
  if (rule.gated && !n.Has(4)) n.Fail("update_rule {} needs decay", word);
  if (rule.delta && !n.Has(5)) n.Fail("update_rule {} needs beta", word);
  return n.failed() ? std::nullopt : std::optional(rule);
}

/// The operand of that number with one number for each head or fewer, [.., groups or 1, width or
/// 1].
Value PerHead(OnnxNode& n, int operand, const Heads& heads, int64_t width, DType dtype) {
  const Value x = n.In(operand);
  const int64_t last = n.rank(x) == 3 ? n.shape(x)[2] : 0;
  if (last == heads.groups) return ByStep(n, x, heads, {heads.groups, 1}, dtype);
  if (last == 1) return ByStep(n, x, heads, {1, 1}, dtype);
  if (last == heads.groups * width) return ByStep(n, x, heads, {heads.groups, width}, dtype);
  return n.Fail("{} has no number for each of {} heads", ToString(n.type(x)), heads.groups);
}

Outputs LinearAttention(OnnxNode& n) {
  const Heads h = ReadHeads(n);
  const auto rule = ReadRule(n);
  if (n.failed()) return Value{};
  const Value query = n.In(0);
  const DType dtype = n.dtype(query), wide = ArithmeticType(dtype);
  const Shape state_shape = {h.batch, h.groups, h.keys, h.values};
  const Value past = n.Has(3) ? n.In(3) : n.Expand(n.Scalar(dtype, 0), state_shape);
  std::vector<Value> operands = {n.Cast(past, wide),
                                 ByStep(n, query, h, {h.groups, h.shared, h.keys}, wide),
                                 ByStep(n, n.In(1), h, {h.groups, h.keys}, wide),
                                 ByStep(n, n.In(2), h, {h.groups, h.values}, wide)};
  if (rule->gated) operands.push_back(PerHead(n, 4, h, h.keys, wide));
  if (rule->delta) operands.push_back(PerHead(n, 5, h, 1, wide));
  if (!n.failed() && n.shape(past) != state_shape)
    n.Fail("past_state is {}, not {}", ToString(n.shape(past)), ToString(state_shape));
  if (n.failed()) return Value{};

  GraphBuilder b;
  std::vector<Expr> inputs;
  for (size_t i = 0; i < operands.size(); ++i) {
    TensorType type = n.type(operands[i]);
    if (i > 0) type.shape.erase(type.shape.begin());
    inputs.emplace_back(b, b.Input(fmt::format("x{}", i), type));
  }
  Step step{inputs[0], inputs[1], inputs[2], inputs[3], std::nullopt, std::nullopt};
  if (rule->gated) step.decay = inputs[4];
  if (rule->delta) step.rate = inputs.back();
  const double given = n.Float("scale", 0);
  const auto results = step.Run(given == 0 ? 1 / std::sqrt(static_cast<double>(h.keys)) : given);
  b.Output("state", results[0]);
  b.Output("read", results[1]);
  const auto sliced = static_cast<int64_t>(operands.size()) - 1;
  const std::vector<Value> loop =
      n.AddMulti("scan", operands,
                 {{"body", std::make_shared<const Graph>(std::move(b).Build())},
                  {"carried", int64_t{1}},
                  {"sliced", sliced},
                  {"stacked", int64_t{1}}});
  if (n.failed()) return Value{};
  const Value y =
      n.Reshape(n.MoveAxis(loop[1], 0, 1), {h.batch, h.steps, h.groups * h.shared * h.values});
  return std::vector<Value>{n.Cast(y, dtype), n.Cast(loop[0], n.dtype(past))};
}

}  // namespace

std::span<const OpImporter> LinearAttentionImporters() {
  static const std::vector<OpImporter> kImporters = {
      // How long the pieces of a parallel computation are changes nothing.
      {"LinearAttention",
       27,
       kNewest,
       6,
       {"chunk_size", "kv_num_heads", "q_num_heads", "scale", "update_rule"},
       LinearAttention},
  };
  return kImporters;
}

}  // namespace descent::onnx
