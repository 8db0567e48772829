// Activations made of pieces: rectified, exponential and linear ones with limits.

#include <array>
#include <cmath>

#include "ir/ops/elementwise.h"
#include "ir/ops/families.h"

namespace descent {
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;
using Operands = std::span<const Value>;

/// Attributes are finite numbers.
Result<std::vector<TensorType>> InferFinite(const OpContext& op) {
  for (const auto& [name, value] : op.attributes)
    if (const auto* number = std::get_if<double>(&value); number && !std::isfinite(*number))
      return Error("attribute {} must be finite, not {}", name, *number);
  return InferBroadcast(op);
}

// ---- linear pieces -----------------------------------------------------------------------------

Scalar Relu(const Scalar& x) {
  const Scalar zero = Number(x, 0);
  return Call(kSelect, {Call(kLe, {x, zero}), zero, x});
}

Values VjpRelu(const VjpContext& v) { return {Where(Greater(ResultOf(v), 0.0), Gradient(v), 0.0)}; }

TensorExpr DefineLeakyRelu(const OpContext& op) {
  return Elementwise(op, [&](Reads x) {
    const Scalar scaled = x[0] * op.attributes.Float("slope");
    return Call(kSelect, {Call(kGt, {x[0], Number(x[0], 0)}), x[0], scaled});
  });
}

Values VjpLeakyRelu(const VjpContext& v) {
  const Expr g = Gradient(v);
  return {Where(Greater(Operand(v, 0), 0.0), g, g * v.op.attributes.Float("slope"))};
}

Result<std::vector<TensorType>> InferPrelu(const OpContext& op) {
  const Shape& slopes = op.shape(1);
  if (slopes.size() > 1) return Error("slope must have rank 0 or 1, not {}", slopes.size());
  if (slopes.size() == 1 && slopes[0] != 1) {
    DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[0].rank()));
    const int64_t channels = op.shape(0)[axis];
    if (slopes[0] != channels)
      return Error("{} slopes do not fit the {} channels of axis {}", slopes[0], channels, axis);
  }
  return OneResult(op.dtype(0), op.shape(0));
}

Values ExpandPrelu(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]), slopes(b, operands[1]);
  Shape shape;
  if (Elements(op.shape(1)) != 1) {
    shape.assign(op.shape(0).size(), 1);
    shape[KnownAxis(op.attributes.Int("axis"), x.rank())] = op.shape(1)[0];
  }
  return {Where(Greater(x, 0.0), x, x * Reshape(slopes, shape))};
}

/// Half-open at its limits as relu is: only what lies inside has a gradient.
Values VjpBetween(const VjpContext& v, double low, double high) {
  const Expr x = Operand(v, 0);
  return {Where(Or(LessEqual(x, low), GreaterEqual(x, high)), 0.0, Gradient(v))};
}

Result<std::vector<TensorType>> InferHardTanh(const OpContext& op) {
  const double low = op.attributes.Float("low"), high = op.attributes.Float("high");
  if (!(low <= high)) return Error("limits must hold low <= high, not {} and {}", low, high);
  return InferFinite(op);
}

Values ExpandHardTanh(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Clamp({b, x[0]}, op.attributes.Float("low"), op.attributes.Float("high"))};
}

Values VjpHardTanh(const VjpContext& v) {
  return VjpBetween(v, v.op.attributes.Float("low"), v.op.attributes.Float("high"));
}

Expr Line(Expr x, const OpContext& op) {
  return x * op.attributes.Float("slope") + op.attributes.Float("offset");
}

Values ExpandHardSigmoid(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Clamp(Line({b, x[0]}, op), 0, 1)};
}

Values VjpHardSigmoid(const VjpContext& v) {
  const Expr line = Line(Operand(v, 0), v.op);
  const Expr inside = And(Greater(line, 0.0), Less(line, 1.0));
  return {Where(inside, Gradient(v) * v.op.attributes.Float("slope"), 0.0)};
}

Values ExpandHardSwish(GraphBuilder& b, const OpContext&, Operands operands) {
  const Expr x(b, operands[0]);
  return {x * (Clamp(x + 3.0, 0, 6) * (1.0 / 6))};
}

Values VjpHardSwish(const VjpContext& v) {
  const Expr x = Operand(v, 0), g = Gradient(v);
  const Expr middle = g * (x * (1.0 / 3) + 0.5);
  return {Where(Less(x, -3.0), 0.0, Where(LessEqual(x, 3.0), middle, g))};
}

Values ExpandThresholdedRelu(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]);
  return {Where(LessEqual(x, op.attributes.Float("alpha")), 0.0, x)};
}

// ---- exponential pieces ------------------------------------------------------------------------

/// x where it is not positive, else 0: its exponential cannot overflow.
Expr NotPositive(Expr x) { return Where(Greater(x, 0.0), 0.0, x); }

Values ExpandElu(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]);
  return {Where(Greater(x, 0.0), x, Expm1(NotPositive(x)) * op.attributes.Float("alpha"))};
}

Values VjpElu(const VjpContext& v) {
  const Expr x = Operand(v, 0), g = Gradient(v);
  const Expr below = g * (Exp(NotPositive(x)) * v.op.attributes.Float("alpha"));
  return {Where(Greater(x, 0.0), g, below)};
}

// G. Klambauer et al., Self-normalizing neural networks (2017): the fixed point of mean 0 and
// variance 1.
constexpr double kSeluAlpha = 1.6732632423543772, kSeluScale = 1.0507009873554805;

Values ExpandSelu(GraphBuilder& b, const OpContext&, Operands x) {
  const Expr elu(b, b.Add("elu", {x[0]}, {{"alpha", kSeluAlpha}}));
  return {elu * kSeluScale};
}

Result<std::vector<TensorType>> InferCelu(const OpContext& op) {
  if (op.attributes.Float("alpha") == 0) return Error("attribute alpha must not be 0");
  return InferFinite(op);
}

Values ExpandCelu(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]);
  const double alpha = op.attributes.Float("alpha");
  return {Where(Greater(x, 0.0), x, Expm1(NotPositive(x) / alpha) * alpha)};
}

Values VjpCelu(const VjpContext& v) {
  const Expr x = Operand(v, 0), g = Gradient(v);
  const Expr below = g * Exp(NotPositive(x) / v.op.attributes.Float("alpha"));
  return {Where(Greater(x, 0.0), g, below)};
}

AttributeSpec Alpha(double value, std::string_view doc) {
  return {"alpha", AttributeKind::kFloat, Attribute(value), doc};
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
std::span<const OpDef> RectifierOps() {
  using enum DTypeClass;
  static const std::array kOps = {
      OpDef{.name = "relu",
            .doc = "Rectified linear unit.\n\n`y = x` above 0, else 0; NaN stays NaN. Source: V. "
                   "Nair and G. Hinton, *Rectified linear units improve restricted Boltzmann "
                   "machines* (2010). Gradient: `g` above 0, else 0, so 0 at 0.",
            .example = "relu([-1, 0, 2]) = [0, 0, 2]",
            .signature = Unary(kNumeric),
            .infer = InferBroadcast,
            .define = DefineUnary<Relu>,
            .vjp = VjpRelu},
      OpDef{.name = "relu6",
            .doc = "Rectified linear unit with a limit.\n\n`y = min(max(x, 0), 6)`; NaN stays NaN. "
                   "Source: A. Krizhevsky, *Convolutional deep belief networks on CIFAR-10* "
                   "(2010). Gradient: `g` between 0 and 6, 0 at both and outside.",
            .example = "relu6([-1, 3, 8]) = [0, 3, 6]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .expand = [](GraphBuilder& b, const OpContext&,
                         Operands x) { return Values{Clamp({b, x[0]}, 0, 6)}; },
            .vjp = [](const VjpContext& v) { return VjpBetween(v, 0, 6); }},
      OpDef{.name = "leaky_relu",
            .doc = "Rectified linear unit with a slope below 0.\n\n`y = x` above 0, else `slope * "
                   "x`. Source: A. Maas et al., *Rectifier nonlinearities improve neural network "
                   "acoustic models* (2013). Gradient: `g` above 0, else `slope * g`, also at 0.",
            .example = "leaky_relu([-1, 0, 2], slope=0.1) = [-0.1, 0, 2]",
            .signature =
                Unary(kFloat, {{"slope", AttributeKind::kFloat, Attribute(0.01), "slope below 0"}}),
            .infer = InferFinite,
            .define = DefineLeakyRelu,
            .vjp = VjpLeakyRelu},
      OpDef{.name = "prelu",
            .doc = "Rectified linear unit with learned slopes below 0.\n\n`y = x` above 0, else "
                   "`slope * x`, where slope is one number or one for each channel, `[channels]`. "
                   "Source: K. He et al., *Delving deep into rectifiers* (2015). Gradient: to x, "
                   "`g` above 0, else `slope * g`, also at 0; to slope, the sum of `g * x` where "
                   "x is not above 0.",
            .example = "prelu([[-1, -2], [3, -4]], [0.5, 0.25]) = [[-0.5, -0.5], [3, -1]]",
            .signature = {.operands = {{"x", kFloat}, {"slope", kFloat}},
                          .attributes = {{"axis", AttributeKind::kInt, Attribute(int64_t{1}),
                                          "axis of the channels, negative ones count from the "
                                          "end"}}},
            .infer = InferPrelu,
            .expand = ExpandPrelu},
      OpDef{.name = "thresholded_relu",
            .doc = "What lies above a threshold.\n\n`y = x` above alpha, else 0; NaN stays NaN. "
                   "Source: K. Konda et al., *Zero-bias autoencoders and the benefits of "
                   "co-adapting features* (2014). Gradient: `g` above alpha, else 0, also at it.",
            .example = "thresholded_relu([0.5, 1, 2]) = [0, 0, 2]",
            .signature = Unary(kFloat, {Alpha(1, "threshold")}),
            .infer = InferFinite,
            .expand = ExpandThresholdedRelu},
      OpDef{.name = "elu",
            .doc = "Exponential linear unit.\n\n`y = x` above 0, else `alpha * (e^x - 1)`. Source: "
                   "D. Clevert et al., *Fast and accurate deep network learning by exponential "
                   "linear units* (2015). Gradient: `g` above 0, else `g * alpha * e^x`, also at "
                   "0.",
            .example = "elu([-1, 0, 2]) = [-0.6321, 0, 2]",
            .signature = Unary(kFloat, {Alpha(1, "-alpha is the limit below 0")}),
            .infer = InferFinite,
            .expand = ExpandElu,
            .vjp = VjpElu},
      OpDef{.name = "selu",
            .doc = "Self-normalizing exponential linear unit.\n\n`y = scale * elu(x; alpha)` with "
                   "alpha 1.6732632423543772 and scale 1.0507009873554805. Source: G. Klambauer "
                   "et al., *Self-normalizing neural networks* (2017). Gradient: `scale * g` above "
                   "0, else `g * scale * alpha * e^x`, also at 0.",
            .example = "selu([-1, 0, 2]) = [-1.1113, 0, 2.1014]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .expand = ExpandSelu},
      OpDef{.name = "celu",
            .doc = "Continuously differentiable exponential linear unit.\n\n`y = x` above 0, else "
                   "`alpha * (e^(x / alpha) - 1)`. Source: J. Barron, *Continuously "
                   "differentiable exponential linear units* (2017). Gradient: `g` above 0, else "
                   "`g * e^(x / alpha)`.",
            .example = "celu([-1, 0, 2], alpha=2) = [-0.7869, 0, 2]",
            .signature = Unary(kFloat, {Alpha(1, "-alpha is the limit below 0; not 0")}),
            .infer = InferCelu,
            .expand = ExpandCelu,
            .vjp = VjpCelu},
      OpDef{.name = "hard_sigmoid",
            .doc = "Sigmoid of three lines.\n\n`y = min(max(slope * x + offset, 0), 1)`. The "
                   "defaults are those of PyTorch; ONNX has 0.2 and 0.5. Gradient: `slope * g` "
                   "where y is strictly between 0 and 1, else 0 (torch.nn.Hardsigmoid).",
            .example = "hard_sigmoid([-4, 0, 1.5]) = [0, 0.5, 0.75]",
            .signature =
                Unary(kFloat, {{"slope", AttributeKind::kFloat, Attribute(1.0 / 6), "slope at 0"},
                               {"offset", AttributeKind::kFloat, Attribute(0.5), "value at 0"}}),
            .infer = InferFinite,
            .expand = ExpandHardSigmoid,
            .vjp = VjpHardSigmoid},
      OpDef{.name = "hard_swish",
            .doc = "x times a sigmoid of three lines.\n\n`y = x * min(max(x + 3, 0), 6) / 6`. "
                   "Source: A. Howard et al., *Searching for MobileNetV3* (2019). Gradient: 0 "
                   "below -3, `g * (x / 3 + 1/2)` from -3 to 3, both included, `g` above.",
            .example = "hard_swish([-4, -1, 4]) = [0, -0.3333, 4]",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .expand = ExpandHardSwish,
            .vjp = VjpHardSwish},
      OpDef{.name = "hard_tanh",
            .doc = "Values brought between two limits.\n\n`y = min(max(x, low), high)`; NaN stays "
                   "NaN. Gradient: `g` strictly between the limits, else 0; that of `clamp` "
                   "includes them. Both as PyTorch has it (torch.nn.Hardtanh).",
            .example = "hard_tanh([-2, 0.5, 2]) = [-1, 0.5, 1]",
            .signature =
                Unary(kFloat, {{"low", AttributeKind::kFloat, Attribute(-1.0), "lower limit"},
                               {"high", AttributeKind::kFloat, Attribute(1.0),
                                "upper limit, not below the lower one"}}),
            .infer = InferHardTanh,
            .expand = ExpandHardTanh,
            .vjp = VjpHardTanh},
  };
  return kOps;
}

}  // namespace descent
