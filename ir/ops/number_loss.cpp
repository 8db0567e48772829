// Losses of numbers: one term per element of a prediction and a target of one shape.

#include <array>
#include <cmath>
#include <numbers>

#include "ir/ops/losses.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Operands = std::span<const Value>;

// ---- what they share ---------------------------------------------------------------------------

Signature NumberSignature(std::string_view prediction, std::vector<AttributeSpec> own = {},
                          std::vector<OperandSpec> further = {}) {
  Signature signature{
      .operands = {{prediction, DTypeClass::kFloat}, {"target", DTypeClass::kFloat}},
      .attributes = {ReductionAttribute()}};
  signature.operands.insert(signature.operands.end(), further.begin(), further.end());
  signature.attributes.insert(signature.attributes.end(), own.begin(), own.end());
  return signature;
}

/// Of a loss whose target is a probability.
Signature ProbabilitySignature(std::string_view prediction, std::vector<OperandSpec> further) {
  Signature signature = NumberSignature(prediction, {}, std::move(further));
  signature.operands[1].range = ValueRange{0, 1};
  return signature;
}

OperandSpec OptionalOperand(std::string_view name) {
  return {.name = name, .dtypes = DTypeClass::kFloat, .optional = true};
}

AttributeSpec Number(std::string_view name, double value, std::string_view doc) {
  return {name, AttributeKind::kFloat, Attribute(value), doc};
}

/// Prediction and target have one shape, which further operands broadcast to.
Result<std::vector<TensorType>> InferNumberLoss(const OpContext& op) {
  if (op.shape(0) != op.shape(1))
    return Error("prediction {} and target {} must have one shape", ToString(op.shape(0)),
                 ToString(op.shape(1)));
  for (size_t i = 2; i < op.operands.size(); ++i) {
    const auto shape = BroadcastShapes(op.shape(0), op.operands[i].shape);
    if (!shape || *shape != op.shape(0))
      return Error("operand {} of shape {} must broadcast to the prediction {}", i + 1,
                   ToString(op.operands[i].shape), ToString(op.shape(0)));
  }
  return ReducedType(op, op.shape(0));
}

/// Operands are aligned at the last axis of the terms.
Values MaskedNumberLoss(const MaskContext& m, std::string_view op) {
  std::vector<int> axes;
  for (size_t i = 0; i < m.operands.size(); ++i)
    axes.push_back(m.batch_axes[i] < 0
                       ? kNoRows
                       : m.batch_axes[i] + m.op.operands[0].rank() - m.op.operands[i].rank());
  return MaskedLoss(m, op, axes);
}

Expr Difference(const VjpContext& v) { return Operand(v, 0) - Operand(v, 1); }

Expr ElementGradient(const VjpContext& v) { return TermGradient(v, v.op.operands[0].elements()); }

/// A factor that may be left out.
Expr Weighted(Expr terms, Operands operands, size_t weight) {
  return weight < operands.size() ? terms * Expr(terms.builder(), operands[weight]) : terms;
}

Expr Clamped(Expr x, double limit) { return Minimum(Maximum(x, -limit), limit); }

// ---- distances ---------------------------------------------------------------------------------

Values ExpandMse(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Reduced(Square(Expr(b, x[0]) - Expr(b, x[1])), op.attributes)};
}

Values VjpMse(const VjpContext& v) {
  const Expr g = ElementGradient(v) * (Difference(v) * 2.0);
  return {g, -g};
}

Values ExpandMae(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Reduced(Abs(Expr(b, x[0]) - Expr(b, x[1])), op.attributes)};
}

Result<std::vector<TensorType>> InferHuber(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckPositive(op, "delta"));
  return InferNumberLoss(op);
}

Values ExpandHuber(GraphBuilder& b, const OpContext& op, Operands x) {
  const double delta = op.attributes.Float("delta");
  const Expr error = Abs(Expr(b, x[0]) - Expr(b, x[1]));
  const Expr terms = Where(Less(error, delta), Square(error) * 0.5, (error - delta / 2) * delta);
  return {Reduced(terms, op.attributes)};
}

Values VjpHuber(const VjpContext& v) {
  const Expr g = ElementGradient(v) * Clamped(Difference(v), v.op.attributes.Float("delta"));
  return {g, -g};
}

Result<std::vector<TensorType>> InferSmoothL1(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckNotNegative(op, "beta"));
  return InferNumberLoss(op);
}

Values ExpandSmoothL1(GraphBuilder& b, const OpContext& op, Operands x) {
  const double beta = op.attributes.Float("beta");
  const Expr error = Abs(Expr(b, x[0]) - Expr(b, x[1]));
  if (beta == 0) return {Reduced(error, op.attributes)};
  const Expr terms = Where(Less(error, beta), Square(error) * 0.5 / beta, error - beta / 2);
  return {Reduced(terms, op.attributes)};
}

Values VjpSmoothL1(const VjpContext& v) {
  const double beta = v.op.attributes.Float("beta");
  const Expr difference = Difference(v);
  const Expr g =
      ElementGradient(v) * (beta == 0 ? Sign(difference) : Clamped(difference / beta, 1));
  return {g, -g};
}

Values ExpandHinge(GraphBuilder& b, const OpContext& op, Operands x) {
  const double margin = op.attributes.Float("margin");
  return {Reduced(Relu(margin - Expr(b, x[0]) * Expr(b, x[1])), op.attributes)};
}

Result<std::vector<TensorType>> InferHinge(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckNotNegative(op, "margin"));
  return InferNumberLoss(op);
}

// ---- two classes -------------------------------------------------------------------------------

Expr BceTerms(Expr p, Expr y) { return -(y * ClampedLog(p) + (1.0 - y) * ClampedLog(1.0 - p)); }

Values ExpandBce(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Reduced(Weighted(BceTerms({b, x[0]}, {b, x[1]}), x, 2), op.attributes)};
}

Values VjpBce(const VjpContext& v) {
  const Expr p = Operand(v, 0), y = Operand(v, 1);
  const Expr arriving = ElementGradient(v), g = Weighted(arriving, v.operands, 2);
  Values gradients(v.operands.size());
  if (v.wanted[0]) gradients[0] = g * (p - y) / Maximum(p * (1.0 - p), kSmallestDenominator);
  if (v.wanted[1]) gradients[1] = g * (ClampedLog(1.0 - p) - ClampedLog(p));
  if (gradients.size() > 2 && v.wanted[2]) gradients[2] = arriving * BceTerms(p, y);
  return gradients;
}

/// log(1 + e^-z), what a logit costs whose target is 1.
Expr CostOfOne(Expr z) { return Relu(-z) + Log(1.0 + Exp(-Abs(z))); }

Expr LogitTerms(GraphBuilder& b, Operands x) {
  const Expr z(b, x[0]), y(b, x[1]);
  if (x.size() < 4) return Relu(z) - z * y + Log(1.0 + Exp(-Abs(z)));
  return (1.0 - y) * z + (1.0 + (Expr(b, x[3]) - 1.0) * y) * CostOfOne(z);
}

Values ExpandBceWithLogits(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Reduced(Weighted(LogitTerms(b, x), x, 2), op.attributes)};
}

Values VjpBceWithLogits(const VjpContext& v) {
  const Expr z = Operand(v, 0), y = Operand(v, 1);
  const Expr arriving = ElementGradient(v), g = Weighted(arriving, v.operands, 2);
  Values gradients = {g * (Sigmoid(z) - y), -(g * z)};
  gradients.resize(v.operands.size());
  if (gradients.size() > 2 && v.wanted[2]) gradients[2] = arriving * LogitTerms(v.b, v.operands);
  if (gradients.size() < 4) return gradients;
  const Expr weight = Operand(v, 3);
  gradients[0] = g * ((1.0 + (weight - 1.0) * y) * Sigmoid(z) - weight * y);
  gradients[1] = g * ((weight - 1.0) * CostOfOne(z) - z);
  gradients[3] = g * y * CostOfOne(z);
  return gradients;
}

// ---- distributions -----------------------------------------------------------------------------

Values ExpandKlDiv(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]), t(b, operands[1]);
  if (op.attributes.Bool("log_target")) return {Reduced(Exp(t) * (t - x), op.attributes)};
  return {Reduced(Where(Equal(t, 0.0), 0.0, t * Log(t)) - t * x, op.attributes)};
}

Values VjpKlDiv(const VjpContext& v) {
  const Expr x = Operand(v, 0), t = Operand(v, 1), g = ElementGradient(v);
  if (v.op.attributes.Bool("log_target")) {
    const Expr share = g * Exp(t);
    return {-share, share * (t - x + 1.0)};
  }
  return {-(g * t), g * (Log(t) + 1.0 - x)};
}

Result<std::vector<TensorType>> InferGaussianNll(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckPositive(op, "eps"));
  return InferNumberLoss(op);
}

Expr BoundedVariance(const OpContext& op, Expr variance) {
  return Maximum(variance, op.attributes.Float("eps"));
}

Values ExpandGaussianNll(GraphBuilder& b, const OpContext& op, Operands x) {
  const Expr variance = BoundedVariance(op, {b, x[2]});
  Expr terms = (Log(variance) + Square(Expr(b, x[0]) - Expr(b, x[1])) / variance) * 0.5;
  if (op.attributes.Bool("full")) terms = terms + 0.5 * std::log(2 * std::numbers::pi);
  return {Reduced(terms, op.attributes)};
}

Values VjpGaussianNll(const VjpContext& v) {
  const Expr variance = BoundedVariance(v.op, Operand(v, 2)), g = ElementGradient(v);
  const Expr scaled = Difference(v) / variance;
  return {g * scaled, -(g * scaled), g * (1.0 / variance - Square(scaled)) * 0.5};
}

Result<std::vector<TensorType>> InferPoissonNll(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckPositive(op, "eps"));
  return InferNumberLoss(op);
}

/// log(y!) by Stirling's formula above 1, else 0.
Expr LogFactorial(Expr y) {
  const Expr large = Greater(y, 1.0), safe = Where(large, y, 1.0);
  const Expr stirling = safe * Log(safe) - safe + Log(safe * (2 * std::numbers::pi)) * 0.5;
  return Where(large, stirling, 0.0);
}

Values ExpandPoissonNll(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]), y(b, operands[1]);
  Expr terms = op.attributes.Bool("log_input") ? Exp(x) - y * x
                                               : x - y * Log(x + op.attributes.Float("eps"));
  if (op.attributes.Bool("full")) terms = terms + LogFactorial(y);
  return {Reduced(terms, op.attributes)};
}

AttributeSpec Flag(std::string_view name, bool value, std::string_view doc) {
  return {name, AttributeKind::kBool, Attribute(value), doc};
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
std::span<const OpDef> NumberLosses() {
  static const std::array kOps = {
      OpDef{.name = "mse",
            .doc = "Squared error.\n\n`(prediction - target)^2` per element "
                   "(torch.nn.functional.mse_loss). Gradient: `2 * g * (prediction - target)`, "
                   "divided by the number of elements for the mean.",
            .example = "mse([1, 2, 3], [1, 0, 4]) = 1.6667",
            .signature = NumberSignature("prediction"),
            .infer = InferNumberLoss,
            .expand = ExpandMse,
            .vjp = VjpMse,
            .mask_rows = [](const MaskContext& m) { return MaskedNumberLoss(m, "mse"); }},
      OpDef{.name = "mae",
            .doc = "Absolute error.\n\n`|prediction - target|` per element (PyTorch's l1_loss). "
                   "Gradient: `g * sign(prediction - target)`, so 0 where they are equal.",
            .example = "mae([1, 2, 3], [1, 0, 4]) = 1.0",
            .signature = NumberSignature("prediction"),
            .infer = InferNumberLoss,
            .expand = ExpandMae,
            .mask_rows = [](const MaskContext& m) { return MaskedNumberLoss(m, "mae"); }},
      OpDef{.name = "huber",
            .doc = "Squared near the target, linear far from it.\n\nWith `d = prediction - "
                   "target`, per element: `d^2 / 2` where `|d| < delta`, else `delta * (|d| - "
                   "delta / 2)` (Huber, Robust estimation of a location parameter, 1964). "
                   "Gradient: `g * clamp(d, -delta, delta)`.",
            .example = "huber([1, 2, 3], [1, 0, 4], reduction=none) = [0, 1.5, 0.5]",
            .signature = NumberSignature("prediction",
                                         {Number("delta", 1, "where it becomes linear, above 0")}),
            .infer = InferHuber,
            .expand = ExpandHuber,
            .vjp = VjpHuber,
            .mask_rows = [](const MaskContext& m) { return MaskedNumberLoss(m, "huber"); }},
      OpDef{
          .name = "smooth_l1",
          .doc = "Absolute error, rounded off near the target.\n\nWith `d = prediction - "
                 "target`, per element: `d^2 / (2 * beta)` where `|d| < beta`, else `|d| - beta "
                 "/ 2`: huber divided by its delta (Girshick, Fast R-CNN, 2015). With a beta of "
                 "0 it is mae. Gradient: `g * clamp(d / beta, -1, 1)`.",
          .example = "smooth_l1([1, 2, 3], [1, 0, 4], reduction=none, beta=0.5) = [0, 1.75, 0.75]",
          .signature = NumberSignature("prediction",
                                       {Number("beta", 1, "where it becomes linear, not below 0")}),
          .infer = InferSmoothL1,
          .expand = ExpandSmoothL1,
          .vjp = VjpSmoothL1,
          .mask_rows = [](const MaskContext& m) { return MaskedNumberLoss(m, "smooth_l1"); }},
      OpDef{
          .name = "hinge",
          .doc = "Margin of a score whose target is -1 or 1.\n\n`max(0, margin - target * "
                 "score)` per element (Cortes and Vapnik, Support-vector networks, 1995). "
                 "Gradient: `-g * target` to the score and `-g * score` to the target inside "
                 "the margin, 0 outside and on its edge.",
          .example = "hinge([2, 0.5, -1], [1, 1, 1], reduction=none) = [0, 0.5, 2]",
          .signature = NumberSignature("score", {Number("margin", 1, "what counts as far enough")}),
          .infer = InferHinge,
          .expand = ExpandHinge,
          .mask_rows = [](const MaskContext& m) { return MaskedNumberLoss(m, "hinge"); }},
      OpDef{.name = "bce",
            .doc = "Binary cross entropy of probabilities.\n\n`-(y log p + (1 - y) log(1 - p))` "
                   "per element, p in (0, 1), logarithms not below -100 as in PyTorch. A `weight` "
                   "that broadcasts to p scales the terms; their mean still divides by their "
                   "number. Gradient: `g * (p - y) / max(p * (1 - p), 1e-12)`.",
            .example = "bce([0.9, 0.2], [1, 0]) = 0.16425",
            .signature = ProbabilitySignature("probability", {OptionalOperand("weight")}),
            .infer = InferNumberLoss,
            .expand = ExpandBce,
            .vjp = VjpBce,
            .mask_rows = [](const MaskContext& m) { return MaskedNumberLoss(m, "bce"); }},
      OpDef{
          .name = "bce_with_logits",
          .doc = "Binary cross entropy of sigmoid(z), computed of z.\n\n`max(z, 0) - z y + log(1 "
                 "+ e^-|z|)` per element. A `weight` that broadcasts to z scales the terms; "
                 "`pos_weight`, which broadcasts, too, scales what positives cost: `(1 - y) z + "
                 "(1 + (pos_weight - 1) y) log(1 + e^-z)`. Without the one but with the other, "
                 "write `1` for `weight`. The mean divides by the number of terms "
                 "(torch.nn.functional.binary_cross_entropy_with_logits). Gradient: `g * "
                 "(sigmoid(z) - y)`; with `pos_weight`, `g * ((1 + (pos_weight - 1) y) sigmoid(z) "
                 "- pos_weight y)`.",
          .example = "bce_with_logits([2, -1], [1, 0]) = 0.22009",
          .signature = ProbabilitySignature(
              "logits", {OptionalOperand("weight"), OptionalOperand("pos_weight")}),
          .infer = InferNumberLoss,
          .expand = ExpandBceWithLogits,
          .vjp = VjpBceWithLogits,
          .mask_rows = [](const MaskContext& m) { return MaskedNumberLoss(m, "bce_with_logits"); }},
      OpDef{.name = "kl_div",
            .doc = "Kullback-Leibler divergence of a distribution from a predicted one.\n\n`t "
                   "(log t - x)` per element, x the logarithm of the predicted probability, t the "
                   "target's probability (0 where it is 0); with `log_target`, t holds "
                   "logarithms: `e^t (t - x)`. The mean divides by the number of elements, as in "
                   "PyTorch: the divergence itself is the sum over classes. Gradient: `-g t` to "
                   "x, `g (log t + 1 - x)` to t, -infinity at 0 (where PyTorch's is NaN); with "
                   "`log_target`, `-g e^t` and `g e^t (t - x + 1)`.",
            .example = "kl_div([-1, -0.5], [0.4, 0.6], reduction=sum) = 0.02699",
            .signature = NumberSignature(
                "log_probability",
                {Flag("log_target", false, "the target holds logarithms of probabilities")}),
            .infer = InferNumberLoss,
            .expand = ExpandKlDiv,
            .vjp = VjpKlDiv,
            .mask_rows = [](const MaskContext& m) { return MaskedNumberLoss(m, "kl_div"); }},
      OpDef{.name = "gaussian_nll",
            .doc = "Negative log likelihood of a normal distribution.\n\n`(log v + (prediction - "
                   "target)^2 / v) / 2` per element, `v = max(variance, eps)`; `full` adds `log(2 "
                   "pi) / 2`. The variance broadcasts to the prediction (Nix and Weigend, 1994). "
                   "Gradient: with `d = prediction - target`, `g d / v`, `-g d / v`, and `g (1 / "
                   "v - (d / v)^2) / 2` to the variance, as in PyTorch also where it is below "
                   "eps.",
            .example = "gaussian_nll([1, 2], [0, 2], [1, 4], reduction=none) = [0.5, 0.6931]",
            .signature = NumberSignature("prediction",
                                         {Flag("full", false, "add the constant term"),
                                          Number("eps", 1e-6, "smallest variance, above 0")},
                                         {{"variance", DTypeClass::kFloat}}),
            .infer = InferGaussianNll,
            .expand = ExpandGaussianNll,
            .vjp = VjpGaussianNll,
            .mask_rows = [](const MaskContext& m) { return MaskedNumberLoss(m, "gaussian_nll"); }},
      OpDef{
          .name = "poisson_nll",
          .doc = "Negative log likelihood of a Poisson distribution.\n\n`e^x - y x` per element, "
                 "x the logarithm of the rate, y the count; without `log_input` x is the rate: `x "
                 "- y log(x + eps)`. `full` adds Stirling's approximation of log y!, `y log y - y "
                 "+ log(2 pi y) / 2`, where y is above 1. Gradient: to x `g (e^x - y)`, or `g (1 "
                 "- y / (x + eps))`; to y `-g x`, or `-g log(x + eps)`, and with `full` `g (log y "
                 "+ 1 / (2 y))` above 1 (torch.nn.functional.poisson_nll_loss).",
          .example = "poisson_nll([0, 1], [2, 1], reduction=none) = [1.0, 1.7183]",
          .signature = NumberSignature(
              "prediction", {Flag("log_input", true, "the prediction is the logarithm of the rate"),
                             Flag("full", false, "add the term of the target alone"),
                             Number("eps", 1e-8, "added to the rate, above 0")}),
          .infer = InferPoissonNll,
          .expand = ExpandPoissonNll,
          .mask_rows = [](const MaskContext& m) { return MaskedNumberLoss(m, "poisson_nll"); }},
  };
  return kOps;
}

}  // namespace descent
