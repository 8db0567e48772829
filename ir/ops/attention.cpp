// Scaled dot-product attention and the operator of its gradient. Layers made of it stand in
// multi_head.cpp.
//
// Grouped heads: query head h reads key and value head h / group. The heads of one group lie side
// by side, so [..., heads, T, D] is [..., kv_heads, group * T, D] without moving an element, and
// every product below is one matrix product per key head.

#include <array>
#include <cmath>
#include <limits>

#include "ir/expr.h"
#include "ir/ops/attention.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {

double AttentionScale(const OpContext& op) {
  const double scale = op.attributes.Float("scale");
  return scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(op.shape(0).back()));
}

namespace {

using Values = std::vector<Value>;

enum Operands { kQ, kK, kV, kForwardMask };
enum GradientOperands { kLse = kV + 1, kGOut, kDelta, kBackwardMask };

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// `shape` with its last two extents replaced.
Shape WithRows(const Shape& shape, int64_t rows, int64_t width) {
  Shape result = shape;
  result[result.size() - 2] = rows;
  result.back() = width;
  return result;
}

int64_t Extent(const Shape& shape, int from_end) { return shape[shape.size() - from_end]; }

/// [..., heads, T, S]
Shape ScoreShape(const OpContext& op) {
  return WithRows(op.shape(kQ), Extent(op.shape(kQ), 2), Extent(op.shape(kK), 2));
}

// ---- types -------------------------------------------------------------------------------------

Result<void> CheckHeads(const OpContext& op) {
  const Shape &q = op.shape(kQ), &k = op.shape(kK), &v = op.shape(kV);
  if (q.size() < 3) return Error("q must be [..., heads, length, width], not {}", ToString(q));
  for (const int i : {kK, kV})
    if (op.operands[i].rank() != op.operands[kQ].rank())
      return Error("q {} and {} {} must have the same rank", ToString(q), i == kK ? "k" : "v",
                   ToString(op.shape(i)));
  if (!std::equal(k.begin(), k.end() - 1, v.begin()))
    return Error("k {} and v {} must have the same heads and length", ToString(k), ToString(v));
  if (!std::equal(q.begin(), q.end() - 3, k.begin()))
    return Error("q {} and k {} must agree before the heads", ToString(q), ToString(k));
  if (Extent(q, 3) < 1 || Extent(k, 3) < 1 || Extent(q, 3) % Extent(k, 3) != 0)
    return Error("{} heads of q {} are no multiple of {} heads of k {}", Extent(q, 3), ToString(q),
                 Extent(k, 3), ToString(k));
  if (q.back() < 1 || q.back() != k.back())
    return Error("q {} and k {} must have the same width, at least 1", ToString(q), ToString(k));
  return {};
}

Result<void> CheckMask(const OpContext& op, int mask) {
  if (static_cast<int>(op.operands.size()) <= mask) return {};
  if (op.dtype(mask) != DType::kBool && op.dtype(mask) != op.dtype(kQ))
    return Error("mask must be bool or {}, not {}", Info(op.dtype(kQ)).name,
                 Info(op.dtype(mask)).name);
  const Shape scores = ScoreShape(op);
  const auto broadcast = BroadcastShapes(op.shape(mask), scores);
  if (!broadcast || *broadcast != scores)
    return Error("mask {} does not broadcast to the scores {}", ToString(op.shape(mask)),
                 ToString(scores));
  return {};
}

/// Everything but the results' types.
Result<void> CheckAttention(const OpContext& op, int mask) {
  if (!std::isfinite(op.attributes.Float("scale"))) return Error("scale must be finite");
  DESCENT_RETURN_IF_ERROR(CheckHeads(op));
  if (!CheckedElements(ScoreShape(op)))
    return Error("the scores {} would have more than 2^40 elements", ToString(ScoreShape(op)));
  return CheckMask(op, mask);
}

/// [..., heads, T]
Shape RowShape(const OpContext& op) { return {op.shape(kQ).begin(), op.shape(kQ).end() - 1}; }

Shape OutputShape(const OpContext& op) {
  return WithRows(op.shape(kQ), Extent(op.shape(kQ), 2), op.shape(kV).back());
}

Result<std::vector<TensorType>> InferAttention(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckAttention(op, kForwardMask));
  DESCENT_TRY(types, OneResult(op.dtype(kQ), OutputShape(op)));
  types.push_back({op.dtype(kQ), RowShape(op)});
  return types;
}

Result<std::vector<TensorType>> InferAttentionVjp(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckAttention(op, kBackwardMask));
  static constexpr std::string_view kNames[] = {"lse", "g", "delta"};
  const Shape row = RowShape(op), out = OutputShape(op);
  for (int i = kLse; i <= kDelta; ++i) {
    const Shape& expected = i == kGOut ? out : row;
    if (op.shape(i) != expected)
      return Error("{} must be {}, not {}", kNames[i - kLse], ToString(expected),
                   ToString(op.shape(i)));
  }
  return std::vector<TensorType>{op.operands[kQ], op.operands[kK], op.operands[kV]};
}

// ---- meaning -----------------------------------------------------------------------------------

/// Products per key head of a, [..., heads, rows, .], and b, [..., kv_heads, ., .].
Expr GroupedMatmul(Expr a, Expr b, bool transpose_b) {
  const Shape shape = a.shape();
  Shape grouped = shape;
  const size_t heads = shape.size() - 3;
  grouped[heads] = b.shape()[heads];
  grouped[heads + 1] = shape[heads] / grouped[heads] * shape[heads + 1];
  const Expr product = Matmul(Reshape(a, grouped), b, false, transpose_b);
  return Reshape(product, WithRows(shape, shape[heads + 1], product.shape().back()));
}

/// a^T b summed over the heads of a group: [..., kv_heads, columns of a, columns of b].
Expr GroupSum(Expr a, Expr b, int64_t kv_heads) {
  const auto grouped = [&](Expr x) {
    Shape shape = x.shape();
    int64_t& heads = shape[shape.size() - 3];
    shape[shape.size() - 2] *= heads / kv_heads;
    heads = kv_heads;
    return Reshape(x, shape);
  };
  return Matmul(grouped(a), grouped(b), true, false);
}

/// scale * q k^T, the mask added or applied, -infinity where a query must not look.
Expr Scores(GraphBuilder& b, const OpContext& op, std::span<const Value> operands, int mask) {
  Expr scores = GroupedMatmul({b, operands[kQ]}, {b, operands[kK]}, true) * AttentionScale(op);
  if (static_cast<int>(operands.size()) > mask) {
    const Expr given(b, operands[mask]);
    scores = given.dtype() == DType::kBool ? Where(given, scores, -kInfinity) : scores + given;
  }
  if (!op.attributes.Bool("causal")) return scores;
  const Shape shape = scores.shape();
  const Expr query = Iota(b, {Extent(shape, 2), 1}, 0, DType::kI64);
  const Expr key = Iota(b, {1, Extent(shape, 1)}, 1, DType::kI64);
  return Where(GreaterEqual(query, key), scores, -kInfinity);
}

/// 0 for rows in which every key is masked.
Expr Finite(Expr row) { return Where(Equal(row, -kInfinity), 0.0, row); }

Values ExpandAttention(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const Expr scores = Scores(b, op, operands, kForwardMask);
  const int64_t last = scores.rank() - 1;
  const Expr highest = Finite(Max(scores, {last}, true));
  const Expr weights = Exp(scores - highest);
  const Expr sum = Sum(weights, {last}, true);
  const Expr out =
      GroupedMatmul(weights / Where(Equal(sum, 0.0), 1.0, sum), {b, operands[kV]}, false);
  return {out, Reshape(highest + Log(sum), RowShape(op))};
}

/// Probabilities from scores and their logarithmic sums, and the gradient of the scores.
struct ScoreGradient {
  Expr probabilities, gradient;
};

ScoreGradient GradientOfScores(GraphBuilder& b, const OpContext& op,
                               std::span<const Value> operands, int mask) {
  const Expr scores = Scores(b, op, operands, mask);
  const int last = scores.rank() - 1;
  const Expr lse(b, operands[kLse]), g(b, operands[kGOut]), delta(b, operands[kDelta]);
  const Expr p = Exp(scores - Unsqueeze(Finite(lse), last));
  return {p, p * (GroupedMatmul(g, {b, operands[kV]}, true) - Unsqueeze(delta, last))};
}

Values ExpandAttentionVjp(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const auto [p, ds] = GradientOfScores(b, op, operands, kBackwardMask);
  const Expr q(b, operands[kQ]), k(b, operands[kK]), g(b, operands[kGOut]);
  const int64_t kv_heads = Extent(op.shape(kK), 3);
  const double scale = AttentionScale(op);
  return {GroupedMatmul(ds, k, false) * scale, GroupSum(ds, q, kv_heads) * scale,
          GroupSum(p, g, kv_heads)};
}

/// delta = sum over the width of out * g, less what arrives at lse: with it the gradient of the
/// scores is p * (g v^T - delta), whichever of the results the gradient arrives at.
Values VjpAttention(const VjpContext& v) {
  const Expr out = ResultOf(v, 0), lse = ResultOf(v, 1);
  const bool has_out = v.gradients[0].valid(), has_lse = v.gradients[1].valid();
  const Expr g = has_out ? Expr(v.b, v.gradients[0]) : Filled(v.b, out.shape(), out.dtype(), 0);
  Expr delta = has_out ? Sum(out * g, {out.rank() - 1}) : Filled(v.b, lse.shape(), lse.dtype(), 0);
  if (has_lse) delta = delta - Expr(v.b, v.gradients[1]);
  Values operands = {v.operands[kQ], v.operands[kK], v.operands[kV], lse, g, delta};
  if (v.operands.size() > kForwardMask) operands.push_back(v.operands[kForwardMask]);
  Values gradients = v.b.AddMulti("attention_vjp", operands, v.op.attributes);
  if (v.operands.size() > kForwardMask)
    gradients.push_back(v.wanted[kForwardMask]
                            ? GradientOfScores(v.b, v.op, operands, kBackwardMask).gradient.value()
                            : Value());
  return gradients;
}

/// Rows of a block are this wide at most: they must fit a worker's scratch.
constexpr int64_t kMaxWidth = 1024;

bool Covered(const OpContext& op) {
  const bool wide = op.dtype(kQ) == DType::kF32 || op.dtype(kQ) == DType::kF64;
  for (const int i : {kQ, kK, kV})
    if (op.operands[i].elements() == 0 || op.shape(i).back() > kMaxWidth) return false;
  return wide;
}

// ---- the table ---------------------------------------------------------------------------------

const std::vector<AttributeSpec> kAttentionAttributes = {
    {"causal", AttributeKind::kBool, Attribute(false), "query t sees keys 0 to t alone"},
    {"scale", AttributeKind::kFloat, Attribute(0.0), "factor of the scores; 0: 1 / sqrt(width)"}};

constexpr OperandSpec kMask = {
    .name = "mask", .dtypes = DTypeClass::kAny, .dtype_group = -1, .optional = true};

}  // namespace

std::span<const OpDef> AttentionOps() {
  constexpr auto kFloat = DTypeClass::kFloat;
  static const std::array kOps = {
      OpDef{.name = "scaled_dot_product_attention",
            .doc =
                "Values averaged by how well their keys answer to a query.\n\n`out[t] = sum_s p[t, "
                "s] v[s]` with `p[t, :] = softmax(scale * q[t] . k[s] + mask[t, s])`, and "
                "`logsumexp[t] = log sum_s e^(scale * q[t] . k[s] + mask[t, s])`. q is [..., "
                "heads, T, width], k [..., kv_heads, S, width], v [..., kv_heads, S, value width]; "
                "heads is a multiple of kv_heads, and head h reads key and value head `h / (heads "
                "/ kv_heads)` (grouped queries; one head of k and v: multi-query). A bool mask is "
                "true where a query may look, a float mask is added; both broadcast to [..., "
                "heads, T, S]. `causal` aligns at the first query and the first key, as PyTorch: "
                "query t sees keys s <= t, also where T and S differ. A query that sees no key "
                "has out 0, logsumexp -infinity and gradient 0. Gradients: attention_vjp; that of "
                "a float mask, `p * (g v^T - sum(out * g))`, is made of other operators and is as "
                "large as the scores. Everything else works in blocks of queries and keys and "
                "never holds T x S numbers, and blocks that no query may see are left out: an "
                "infinity or NaN there need not spread, though 0 times it would (Vaswani et al., "
                "Attention is all you need, 2017; Dao, "
                "FlashAttention-2, 2023).",
            .example = "scaled_dot_product_attention([[[1], [1]]], [[[0], [0]]], [[[10], [20]]], "
                       "causal=true) = [[[10], [15]]], [[0, 0.6931]]",
            .signature = {.operands = {{"q", kFloat}, {"k", kFloat}, {"v", kFloat}, kMask},
                          .attributes = kAttentionAttributes,
                          .results = {"out", "logsumexp"}},
            .infer = InferAttention,
            .expand = ExpandAttention,
            .form = KernelForm::kAttention,
            .form_covers = Covered,
            .vjp = VjpAttention},
      OpDef{.name = "attention_vjp",
            .doc =
                "Gradients of scaled_dot_product_attention, of what it keeps for them.\n\n`p = "
                "e^(scores - lse)`, `ds = p * (g v^T - delta)`, `dq = scale * ds k`, `dk = scale "
                "* ds^T q`, `dv = p^T g`; dk and dv are summed over the heads of a group. `g` is "
                "the gradient of out, `delta = sum(out * g)` over the width, less the gradient of "
                "logsumexp. Operands as those of scaled_dot_product_attention, in which lse is "
                "its second result; scores are computed anew, so that no T x S numbers are kept "
                "(Dao, FlashAttention-2, 2023). Gradient: that of these equations.",
            .example = "attention_vjp([[[1], [1]]], [[[0], [0]]], [[[10], [20]]], [[0, "
                       "0.693147]], [[[1], [1]]], [[10, 15]], causal=true) = [[[0], [0]]], "
                       "[[[-2.5], [2.5]]], [[[1.5], [0.5]]]",
            .signature = {.operands = {{"q", kFloat},
                                       {"k", kFloat},
                                       {"v", kFloat},
                                       {"lse", kFloat},
                                       {"g", kFloat},
                                       {"delta", kFloat},
                                       kMask},
                          .attributes = kAttentionAttributes,
                          .results = {"dq", "dk", "dv"}},
            .infer = InferAttentionVjp,
            .expand = ExpandAttentionVjp,
            .form = KernelForm::kAttentionGradient,
            .form_covers = Covered},
  };
  return kOps;
}

}  // namespace descent
