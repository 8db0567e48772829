// Losses of vectors: one term per vector, which lies along the last axis.

#include <array>
#include <cmath>

#include "ir/ops/losses.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Operands = std::span<const Value>;

Shape VectorsShape(const OpContext& op) { return {op.shape(0).begin(), op.shape(0).end() - 1}; }

Result<void> CheckVectors(const OpContext& op, int vectors) {
  if (op.operands[0].rank() < 1)
    return Error("the vectors need an axis for their elements, not {}", ToString(op.operands[0]));
  for (int i = 1; i < vectors; ++i)
    if (op.shape(i) != op.shape(0))
      return Error("vectors {} and {} must have one shape", ToString(op.shape(0)),
                   ToString(op.shape(i)));
  return {};
}

Values MaskedVectorLoss(const MaskContext& m, std::string_view op) {
  const int terms_rank = m.op.operands[0].rank() - 1;
  std::vector<int> axes;
  for (const int axis : m.batch_axes) axes.push_back(axis < terms_rank ? axis : kMixedRows);
  return MaskedLoss(m, op, axes);
}

/// x where it is not below 0, else 0; unlike relu it passes gradients at 0, as PyTorch's clamp.
Expr ClampedBelow(Expr x) { return Where(Less(x, 0.0), 0.0, x); }

// ---- angles ------------------------------------------------------------------------------------

/// Added to squared lengths, as PyTorch has it.
constexpr double kSmallestSquare = 1e-12;

Expr Cosine(Expr a, Expr b) {
  const auto length = [](Expr x) { return Sqrt(Sum(Square(x), {-1}) + kSmallestSquare); };
  return Sum(a * b, {-1}) / (length(a) * length(b));
}

Result<std::vector<TensorType>> InferCosineEmbedding(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckVectors(op, 2));
  if (op.shape(2) != VectorsShape(op))
    return Error("target {} must have one number per vector, {}", ToString(op.shape(2)),
                 ToString(VectorsShape(op)));
  const double margin = op.attributes.Float("margin");
  if (!(margin >= -1 && margin <= 1))
    return Error("margin must be between -1 and 1, not {}", margin);
  return ReducedType(op, VectorsShape(op));
}

Values ExpandCosineEmbedding(GraphBuilder& b, const OpContext& op, Operands x) {
  const Expr cosine = Cosine({b, x[0]}, {b, x[1]}), target = CastTo({b, x[2]}, op.dtype(0));
  const Expr alike = Where(Equal(target, 1.0), 1.0 - cosine, 0.0);
  const Expr apart = ClampedBelow(cosine - op.attributes.Float("margin"));
  return {Reduced(alike + Where(Equal(target, -1.0), apart, 0.0), op.attributes)};
}

// ---- distances ---------------------------------------------------------------------------------

/// (sum |d|^p)^(1/p), whose gradient is 0 where d is.
Expr Norm(Expr d, double p) {
  if (std::isinf(p)) return Max(Abs(d), {-1});
  if (p == 1) return Sum(Abs(d), {-1});
  const Expr powers = p == 2 ? Square(d) : Pow(Abs(d), d.Like(p));
  const Expr sum = Sum(powers, {-1}), vanishes = Equal(sum, 0.0);
  const Expr safe = Where(vanishes, 1.0, sum);
  return Where(vanishes, 0.0, p == 2 ? Sqrt(safe) : Pow(safe, d.Like(1 / p)));
}

Result<std::vector<TensorType>> InferTripletMargin(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckVectors(op, 3));
  DESCENT_RETURN_IF_ERROR(CheckNotNegative(op, "margin"));
  DESCENT_RETURN_IF_ERROR(CheckNotNegative(op, "eps"));
  const double p = op.attributes.Float("p");
  if (!(p >= 1)) return Error("p must be at least 1, not {}", p);
  if (op.shape(0).back() == 0) return Error("the vectors have no elements");
  return ReducedType(op, VectorsShape(op));
}

Values ExpandTripletMargin(GraphBuilder& b, const OpContext& op, Operands x) {
  const Expr anchor(b, x[0]), positive(b, x[1]), negative(b, x[2]);
  const double p = op.attributes.Float("p"), eps = op.attributes.Float("eps");
  const auto distance = [&](Expr from, Expr to) { return Norm(from - to + eps, p); };
  Expr to_negative = distance(anchor, negative);
  if (op.attributes.Bool("swap")) to_negative = Minimum(to_negative, distance(positive, negative));
  const Expr excess = distance(anchor, positive) - to_negative + op.attributes.Float("margin");
  return {Reduced(ClampedBelow(excess), op.attributes)};
}

AttributeSpec Number(std::string_view name, double value, std::string_view doc) {
  return {name, AttributeKind::kFloat, Attribute(value), doc};
}

}  // namespace

std::span<const OpDef> VectorLosses() {
  constexpr auto kFloat = DTypeClass::kFloat;
  static const std::array kOps = {
      OpDef{.name = "cosine_embedding",
            .doc = "Angle between vectors that are to be alike or apart.\n\nVectors lie along the "
                   "last axis, the target has one number for each pair. With `c = a . b / (|a| "
                   "|b|)`, 1e-12 added to the squared lengths as in PyTorch: `1 - c` where the "
                   "target is 1, `max(0, c - margin)` where it is -1, else 0. Gradient: that of "
                   "these equations, on the edge of the margin that of the inside.",
            .example = "cosine_embedding([[1, 0], [1, 1]], [[2, 0], [1, 0]], i32 [1, -1], "
                       "reduction=none) = [0.0, 0.7071]",
            .signature = {.operands = {{"a", kFloat},
                                       {"b", kFloat},
                                       {"target", DTypeClass::kNumeric, -1}},
                          .attributes = {ReductionAttribute(),
                                         Number("margin", 0, "cosine that is far enough apart")}},
            .infer = InferCosineEmbedding,
            .expand = ExpandCosineEmbedding,
            .mask_rows =
                [](const MaskContext& m) { return MaskedVectorLoss(m, "cosine_embedding"); }},
      OpDef{
          .name = "triplet_margin",
          .doc = "An anchor is to be nearer to its like than to another.\n\n`max(0, d(anchor, "
                 "positive) - d(anchor, negative) + margin)` per vector along the last axis, "
                 "`d(x, y) = (sum |x - y + eps|^p)^(1/p)`, the largest where p is infinite. "
                 "`swap` takes the smaller of d(anchor, negative) and d(positive, negative) "
                 "(Balntas et al., Learning local feature descriptors with triplets, 2016). "
                 "Gradient: that of these equations, on the edge of the margin that of the "
                 "inside, 0 of a distance that is 0.",
          .example = "triplet_margin([[0, 0]], [[3, 4]], [[0, 1]]) = 5.000",
          .signature = {.operands = {{"anchor", kFloat},
                                     {"positive", kFloat},
                                     {"negative", kFloat}},
                        .attributes = {ReductionAttribute(),
                                       Number("margin", 1, "what counts as far enough apart"),
                                       Number("p", 2, "which norm, at least 1"),
                                       Number("eps", 1e-6, "added to each difference"),
                                       {"swap", AttributeKind::kBool, Attribute(false),
                                        "whether to look from the positive, too"}}},
          .infer = InferTripletMargin,
          .expand = ExpandTripletMargin,
          .mask_rows = [](const MaskContext& m) { return MaskedVectorLoss(m, "triplet_margin"); }},
  };
  return kOps;
}

}  // namespace descent
