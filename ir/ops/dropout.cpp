// Dropout: random parts set to 0, or to what takes their place, while training.

#include <array>
#include <cmath>

#include "ir/ops/random.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Operands = std::span<const Value>;

Result<std::vector<TensorType>> InferDropout(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckStream(op.attributes));
  const double rate = op.attributes.Float("rate");
  if (!(rate >= 0 && rate < 1)) return Error("rate must be at least 0 and below 1, not {}", rate);
  return OneResult(op.dtype(0), op.shape(0));
}

/// x has `axes` axes or more in front of others.
template <int kAxes>
Result<std::vector<TensorType>> InferDropped(const OpContext& op) {
  if (op.operands[0].rank() < kAxes)
    return Error("x needs at least {} ax{}s, not {}", kAxes, kAxes == 1 ? "i" : "e",
                 ToString(op.operands[0]));
  return InferDropout(op);
}

/// What is kept: one draw for all elements that agree in their first `axes` axes.
Expr Kept(GraphBuilder& b, const OpContext& op, int axes) {
  Shape draws = op.shape(0);
  for (int i = axes; i < op.operands[0].rank(); ++i) draws[i] = 1;
  const Expr unit = RandomUnit(b, draws, op.dtype(0), op.attributes.Int("stream"));
  return GreaterEqual(unit, op.attributes.Float("rate"));
}

Expr ScaledWhere(Expr kept, Expr x, const OpContext& op) {
  return Where(kept, x * (1 / (1 - op.attributes.Float("rate"))), 0.0);
}

Values ExpandDropout(GraphBuilder& b, const OpContext& op, Operands x) {
  return {ScaledWhere(Kept(b, op, op.operands[0].rank()), {b, x[0]}, op)};
}

template <int kAxes>
Values ExpandDropped(GraphBuilder& b, const OpContext& op, Operands x) {
  return {ScaledWhere(Kept(b, op, kAxes), {b, x[0]}, op)};
}

/// The value that selu approaches at -infinity: -lambda alpha of Klambauer et al.
constexpr double kSeluFloor = -1.7580993408473766;

/// Dropped elements become the floor; a linear map then restores mean 0 and variance 1.
Values ExpandAlphaDropout(GraphBuilder& b, const OpContext& op, Operands x) {
  const double rate = op.attributes.Float("rate");
  const double scale = 1 / std::sqrt((1 - rate) * (1 + rate * kSeluFloor * kSeluFloor));
  const double shift = -scale * kSeluFloor * rate;
  const Expr kept = Kept(b, op, op.operands[0].rank());
  return {Where(kept, Expr(b, x[0]) * scale + shift, kSeluFloor * scale + shift)};
}

OpDef Dropout(std::string_view name, std::string_view doc, std::string_view example,
              decltype(OpDef::infer) infer, decltype(OpDef::expand) expand) {
  return {.name = name,
          .doc = doc,
          .example = example,
          .signature = {.operands = {{"x", DTypeClass::kFloat}},
                        .attributes = {{"rate", AttributeKind::kFloat, Attribute(0.5),
                                        "probability of dropping, at least 0 and below 1"},
                                       StreamAttribute()}},
          .infer = infer,
          .expand = expand,
          .inference = [](GraphBuilder&, const OpContext&, Operands operands) {
            return Values{operands[0]};
          }};
}

}  // namespace

std::span<const OpDef> DropoutOps() {
  static const std::array kOps = {
      Dropout("dropout",
              "Random elements set to 0 while training.\n\n`y = x * m / (1 - rate)`, m being 0 or "
              "1. With probability `rate` an element becomes 0, else it is scaled by `1 / (1 - "
              "rate)`, so that the expected value stays (Srivastava et al., Dropout, JMLR 2014). "
              "Outside training: x. Gradient: `g` scaled alike where x was kept, else 0.",
              "dropout([1, 2, 3, 4], stream=2) = [2, 0, 0, 8]", InferDropout, ExpandDropout),
      Dropout("dropout2d",
              "Random channels set to 0 while training.\n\nx is [batch, channels, ...]; `y = x * "
              "m / (1 - rate)` with one m, 0 or 1, for each channel of a sample, 0 with "
              "probability `rate` (Tompson et al., Efficient object localization, 2015). Outside "
              "training: x. Gradient: `g` scaled alike where x was kept, else 0.",
              "dropout2d([[[1, 2], [3, 4]]], stream=2) = [[[2, 4], [0, 0]]]", InferDropped<2>,
              ExpandDropped<2>),
      Dropout("alpha_dropout",
              "Dropout that keeps mean 0 and variance 1, for selu.\n\nWith probability `rate` an "
              "element becomes `f = -1.7580993`, the value that selu approaches; then all become "
              "`a x + b` with `a = ((1 - rate) (1 + rate f^2))^(-1/2)`, `b = -a f rate` "
              "(Klambauer et al., Self-normalizing neural networks, 2017). Outside training: x. "
              "Gradient: `a g` where x was kept, else 0.",
              "alpha_dropout([1, 2, 3, 4], stream=2) = [1.6656, -0.7792, -0.7792, 4.3248]",
              InferDropout, ExpandAlphaDropout),
      Dropout("drop_path",
              "Random rows set to 0 while training: stochastic depth.\n\nRows run along the first "
              "axis, usually samples of a residual branch; `y = x * m / (1 - rate)` with one m, 0 "
              "or 1, for each, 0 with probability `rate` (Huang et al., Deep networks with "
              "stochastic depth, 2016). Outside training: x. Gradient: `g` scaled alike where x "
              "was kept, else 0.",
              "drop_path([[1, 2], [3, 4]], stream=2) = [[2, 4], [0, 0]]", InferDropped<1>,
              ExpandDropped<1>),
  };
  return kOps;
}

}  // namespace descent
