// Smooth activations, and gates made of them.

#include <array>
#include <cmath>
#include <numbers>

#include "ir/ops/elementwise.h"
#include "ir/ops/families.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Operands = std::span<const Value>;

Expr Apply(std::string_view op, Expr x, Attributes attributes = {}) {
  return {x.builder(), x.builder().Add(op, {x}, std::move(attributes))};
}

// ---- Gaussian error linear unit ----------------------------------------------------------------

constexpr double kRootTwoOverPi = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
constexpr double kCubic = 0.044715;

bool IsByTanh(const OpContext& op) { return op.attributes.String("approximate") == "tanh"; }

Expr NormalProbability(Expr x) { return (Erf(x * (1 / std::numbers::sqrt2)) + 1.0) * 0.5; }
Expr TanhOfCubic(Expr x) { return Tanh((x + x * Square(x) * kCubic) * kRootTwoOverPi); }

Values ExpandGelu(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]);
  return {x * (IsByTanh(op) ? (TanhOfCubic(x) + 1.0) * 0.5 : NormalProbability(x))};
}

/// Beyond 40 the slope is 0 or 1 in every float type; there x times the vanishing density would
/// become infinity times 0. The probability is that of x itself, as the forward pass has it.
Values VjpGelu(const VjpContext& v) {
  const Expr x = Operand(v, 0), bounded = Clamp(x, -40, 40);
  if (!IsByTanh(v.op)) {
    const Expr density = Exp(Square(bounded) * -0.5) * (0.5 * kRootTwoOverPi);
    return {Gradient(v) * (NormalProbability(x) + bounded * density)};
  }
  const Expr t = TanhOfCubic(x);
  const Expr inner = (Square(bounded) * (3 * kCubic) + 1.0) * kRootTwoOverPi;
  return {Gradient(v) * ((t + 1.0 + bounded * ((1.0 - Square(t)) * inner)) * 0.5)};
}

// ---- of exponentials ---------------------------------------------------------------------------

Values ExpandSilu(GraphBuilder& b, const OpContext&, Operands operands) {
  const Expr x(b, operands[0]);
  return {x * Sigmoid(x)};
}

Values VjpSilu(const VjpContext& v) {
  const Expr x = Operand(v, 0), s = Sigmoid(x);
  return {Gradient(v) * (s * (x * (1.0 - s) + 1.0))};
}

Values ExpandMish(GraphBuilder& b, const OpContext&, Operands operands) {
  const Expr x(b, operands[0]);
  return {x * Tanh(Apply("softplus", x))};
}

Values VjpMish(const VjpContext& v) {
  const Expr x = Operand(v, 0), t = Tanh(Apply("softplus", x));
  return {Gradient(v) * (t + x * (Sigmoid(x) * (1.0 - Square(t))))};
}

Result<std::vector<TensorType>> InferSoftplus(const OpContext& op) {
  const double beta = op.attributes.Float("beta");
  if (!std::isfinite(beta) || beta == 0)
    return Error("attribute beta must be finite and not 0, not {}", beta);
  return InferBroadcast(op);
}

/// x itself for a factor of 1.
Expr Scaled(Expr x, double factor) { return factor == 1 ? x : x * factor; }

Values ExpandSoftplus(GraphBuilder& b, const OpContext& op, Operands operands) {
  const double beta = op.attributes.Float("beta");
  const Expr x = Scaled({b, operands[0]}, beta);
  const Expr y = Maximum(x, 0.0) + Log1p(Exp(-Abs(x)));
  return {beta == 1 ? y : y / beta};
}

Values VjpSoftplus(const VjpContext& v) {
  return {Gradient(v) * Sigmoid(Scaled(Operand(v, 0), v.op.attributes.Float("beta")))};
}

Values ExpandLogSigmoid(GraphBuilder& b, const OpContext&, Operands operands) {
  const Expr x(b, operands[0]);
  return {Minimum(x, 0.0) - Log1p(Exp(-Abs(x)))};
}

Values VjpLogSigmoid(const VjpContext& v) { return {Gradient(v) * Sigmoid(-Operand(v, 0))}; }

Values ExpandSoftsign(GraphBuilder& b, const OpContext&, Operands operands) {
  const Expr x(b, operands[0]);
  return {x / (Abs(x) + 1.0)};
}

Values VjpSoftsign(const VjpContext& v) { return {Gradient(v) / Square(Abs(Operand(v, 0)) + 1.0)}; }

// ---- gates -------------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferGate(const OpContext& op) {
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[0].rank()));
  Shape shape = op.shape(0);
  if (shape[axis] % 2 != 0)
    return Error("axis {} of extent {} has no two equal halves", axis, shape[axis]);
  shape[axis] /= 2;
  return OneResult(op.dtype(0), std::move(shape));
}

/// first half * activation(second half)
Values Gated(GraphBuilder& b, const OpContext& op, Operands operands, std::string_view activation,
             Attributes attributes = {}) {
  const Expr x(b, operands[0]);
  const int axis = KnownAxis(op.attributes.Int("axis"), x.rank());
  const int64_t extent = x.shape()[axis];
  const Expr gate = SliceAxis(x, axis, extent / 2, extent);
  return {SliceAxis(x, axis, 0, extent / 2) * Apply(activation, gate, std::move(attributes))};
}

Values ExpandGlu(GraphBuilder& b, const OpContext& op, Operands x) {
  return Gated(b, op, x, "sigmoid");
}
Values ExpandSwiglu(GraphBuilder& b, const OpContext& op, Operands x) {
  return Gated(b, op, x, "silu");
}
Values ExpandGeglu(GraphBuilder& b, const OpContext& op, Operands x) {
  return Gated(b, op, x, "gelu", {{"approximate", op.attributes.String("approximate")}});
}

AttributeSpec Approximate() {
  return {"approximate",
          AttributeKind::kString,
          Attribute(std::string("none")),
          "none: by the error function, tanh: by the hyperbolic tangent",
          {"none", "tanh"}};
}

Signature GateSignature(std::vector<AttributeSpec> more = {}) {
  std::vector<AttributeSpec> attributes = {{"axis", AttributeKind::kInt, Attribute(int64_t{-1}),
                                            "axis to halve, negative ones count from the end"}};
  attributes.insert(attributes.end(), more.begin(), more.end());
  return Unary(DTypeClass::kFloat, std::move(attributes));
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
std::span<const OpDef> ActivationOps() {
  using enum DTypeClass;
  static const std::array kOps = {
      OpDef{.name = "gelu",
            .doc = "Gaussian error linear unit.\n\n`y = x * Phi(x)`, where `Phi(x) = (1 + erf(x / "
                   "sqrt(2))) / 2` is the probability of the normal distribution below x; "
                   "approximate = tanh takes `Phi(x) = (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * "
                   "x^3))) / 2`. Source: D. Hendrycks and K. Gimpel, *Gaussian error linear units* "
                   "(2016). Gradient: `g * (Phi(x) + x * Phi'(x))`, finite for all x.",
            .example = "gelu([-1, 0, 2]) = [-0.1587, 0, 1.9545]",
            .signature = Unary(kFloat, {Approximate()}),
            .infer = InferBroadcast,
            .expand = ExpandGelu,
            .vjp = VjpGelu},
      OpDef{.name = "silu",
            .doc = "Sigmoid linear unit, also called swish.\n\n`y = x * sigmoid(x)`. Source: S. "
                   "Elfwing et al., *Sigmoid-weighted linear units* (2017). Gradient: `g * s * (1 "
                   "+ x * (1 - s))` with `s = sigmoid(x)`.",
            .example = "silu([-1, 0, 2]) = [-0.2689, 0, 1.7616]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .expand = ExpandSilu,
            .vjp = VjpSilu},
      OpDef{.name = "mish",
            .doc = "x times a smooth gate.\n\n`y = x * tanh(log(1 + e^x))`. Source: D. Misra, "
                   "*Mish: a self regularized non-monotonic activation function* (2019). "
                   "Gradient: `g * (t + x * sigmoid(x) * (1 - t^2))` with `t = y / x`.",
            .example = "mish([-1, 0, 2]) = [-0.3034, 0, 1.944]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .expand = ExpandMish,
            .vjp = VjpMish},
      OpDef{.name = "softplus",
            .doc = "Smooth rectified linear unit.\n\n`y = log(1 + e^(beta * x)) / beta`, computed "
                   "as `(max(beta * x, 0) + log(1 + e^-|beta * x|)) / beta`, which cannot "
                   "overflow: PyTorch's threshold is not needed (torch.nn.Softplus). Gradient: `g "
                   "* sigmoid(beta * x)`.",
            .example = "softplus([-1, 0, 2]) = [0.3133, 0.6931, 2.1269]",
            .signature = Unary(
                kFloat, {{"beta", AttributeKind::kFloat, Attribute(1.0), "sharpness, not 0"}}),
            .infer = InferSoftplus,
            .expand = ExpandSoftplus,
            .vjp = VjpSoftplus},
      OpDef{.name = "log_sigmoid",
            .doc = "Logarithm of the logistic function.\n\n`y = -log(1 + e^-x)`, computed as "
                   "`min(x, 0) - log(1 + e^-|x|)`, which cannot overflow (torch.nn.LogSigmoid). "
                   "Gradient: `g * sigmoid(-x)`.",
            .example = "log_sigmoid([-1, 0, 2]) = [-1.3133, -0.6931, -0.1269]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .expand = ExpandLogSigmoid,
            .vjp = VjpLogSigmoid},
      OpDef{.name = "softsign",
            .doc = "Sigmoid without exponentials.\n\n`y = x / (1 + |x|)` (torch.nn.Softsign). "
                   "Gradient: `g / (1 + |x|)^2`.",
            .example = "softsign([-1, 0, 2]) = [-0.5, 0, 0.6667]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .expand = ExpandSoftsign,
            .vjp = VjpSoftsign},
      OpDef{.name = "glu",
            .doc = "Gated linear unit.\n\n`y = a * sigmoid(b)`, where a and b are the halves of x "
                   "along an axis; its extent must be even. Source: Y. Dauphin et al., *Language "
                   "modeling with gated convolutional networks* (2016). Gradient: with `s = "
                   "sigmoid(b)`, `g * s` to a, `g * a * s * (1 - s)` to b.",
            .example = "glu([1, 2, 0, 3]) = [0.5, 1.9051]",
            .signature = GateSignature(),
            .infer = InferGate,
            .expand = ExpandGlu},
      OpDef{.name = "geglu",
            .doc = "Gated linear unit with gelu.\n\n`y = a * gelu(b)`, where a and b are the "
                   "halves of x along an axis; its extent must be even. Source: N. Shazeer, *GLU "
                   "variants improve transformer* (2020). Gradient: `g * gelu(b)` to a, `g * a * "
                   "gelu'(b)` to b.",
            .example = "geglu([1, 2, 1, 3]) = [0.8413, 5.9919]",
            .signature = GateSignature({Approximate()}),
            .infer = InferGate,
            .expand = ExpandGeglu},
      OpDef{.name = "swiglu",
            .doc = "Gated linear unit with silu.\n\n`y = a * silu(b)`, where a and b are the "
                   "halves of x along an axis; its extent must be even. Source: N. Shazeer, *GLU "
                   "variants improve transformer* (2020). Gradient: `g * silu(b)` to a, `g * a * "
                   "silu'(b)` to b.",
            .example = "swiglu([1, 2, 1, 3]) = [0.7311, 5.7154]",
            .signature = GateSignature(),
            .infer = InferGate,
            .expand = ExpandSwiglu},
  };
  return kOps;
}

}  // namespace descent
