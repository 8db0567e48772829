// Local response normalization: each element over the power of its neighbours across channels.

#include <array>
#include <cmath>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"
#include "ir/ops/spatial.h"
#include "ir/ops/window.h"

namespace descent {
namespace {

using Values = std::vector<Value>;

int ChannelAxis(const OpContext& op) {
  return LayoutOf(op.attributes, op.operands[0].rank() - 2).channels;
}

/// Windows of `size` channels, one around each; of an even number one more lies before.
std::vector<SpatialAxis> Neighbours(const OpContext& op) {
  const int64_t size = op.attributes.Int("size");
  return {{.input = op.shape(0)[ChannelAxis(op)],
           .kernel = size,
           .low = size / 2,
           .high = (size - 1) / 2}};
}

Result<std::vector<TensorType>> InferLocalResponseNorm(const OpContext& op) {
  const Shape& x = op.shape(0);
  if (x.size() < 3 || x.size() >= kMaxRank)
    return Error("x needs rows, channels and places, not {}", ToString(x));
  const int64_t size = op.attributes.Int("size");
  if (size < 1 || size > kMaxStep)
    return Error("size must be between 1 and {}, not {}", kMaxStep, size);
  for (const std::string_view name : {"alpha", "beta", "k"})
    if (const double value = op.attributes.Float(name); !(value >= 0 && std::isfinite(value)))
      return Error("{} must be at least 0 and finite, not {}", name, value);
  if (x[ChannelAxis(op)] < 1) return Error("x {} has no channels", ToString(x));
  Shape windows = x;
  windows.push_back(size);
  if (!CheckedElements(windows))
    return Error("the windows {} would have more than 2^40 elements", ToString(windows));
  return OneResult(op.dtype(0), x);
}

/// k + alpha * mean of squares over the neighbours.
Expr Denominator(const OpContext& op, Expr x) {
  const Expr windows = Unfold(Square(x), Neighbours(op), ChannelAxis(op), 0);
  return Mean(windows, {x.rank()}) * op.attributes.Float("alpha") + op.attributes.Float("k");
}

Values ExpandLocalResponseNorm(GraphBuilder& b, const OpContext& op, std::span<const Value> x) {
  const Expr d = Denominator(op, {b, x[0]});
  return {Expr(b, x[0]) / Pow(d, d.Like(op.attributes.Float("beta")))};
}

Values VjpLocalResponseNorm(const VjpContext& v) {
  const Expr x = Operand(v, 0), g = Gradient(v), d = Denominator(v.op, x);
  const double beta = v.op.attributes.Float("beta");
  const int64_t size = v.op.attributes.Int("size");
  Shape windows = x.shape();
  windows.push_back(size);
  const Expr terms = ExpandTo(Unsqueeze(g * ResultOf(v) / d, x.rank()), windows);
  const Expr sums = Fold(terms, Neighbours(v.op), ChannelAxis(v.op));
  const double factor = 2 * v.op.attributes.Float("alpha") * beta / static_cast<double>(size);
  return {g / Pow(d, d.Like(beta)) - x * sums * factor};
}

}  // namespace

std::span<const OpDef> LocalResponseNormOps() {
  static const std::array kOps = {OpDef{
      .name = "local_response_norm",
      .doc = "Each element over the power of its neighbours across channels.\n\n`y = x / d^beta`, "
             "`d = k + alpha * sum x^2 / size` over the `size` channels around, channels that do "
             "not exist being 0; of an even number one more lies before. x is [batch, channels, "
             "...], or channels last with `layout=nhwc`. Gradient: `g / d^beta - 2 alpha beta / "
             "size * x * sum(g y / d)` over the windows that hold the element (Krizhevsky, "
             "Sutskever and Hinton, ImageNet classification, 2012).",
      .example = "local_response_norm([[[1], [1], [1]]], size=3, alpha=3, beta=1) = [[[0.3333], "
                 "[0.25], [0.3333]]]",
      .signature = {.operands = {{"x", DTypeClass::kFloat}},
                    .attributes = {{"size", AttributeKind::kInt, std::nullopt,
                                    "channels of a window"},
                                   {"alpha", AttributeKind::kFloat, Attribute(1e-4),
                                    "weight of the mean square"},
                                   {"beta", AttributeKind::kFloat, Attribute(0.75), "the power"},
                                   {"k", AttributeKind::kFloat, Attribute(1.0), "the constant"},
                                   LayoutAttribute()}},
      .infer = InferLocalResponseNorm,
      .expand = ExpandLocalResponseNorm,
      .vjp = VjpLocalResponseNorm}};
  return kOps;
}

}  // namespace descent
