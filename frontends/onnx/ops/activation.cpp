// Activations, softmax and its kin.
#include <cmath>
#include <limits>

#include "frontends/onnx/ops/families.h"

namespace descent::onnx {
namespace {

Outputs Same(OnnxNode& n) { return n.Add(n.importer().target, {n.In(0)}); }

Outputs LeakyRelu(OnnxNode& n) {
  return n.Add("leaky_relu", {n.In(0)}, {{"slope", n.Float("alpha", 0.01f)}});
}

/// Those whose only attribute is alpha, 1 where it is left out.
Outputs WithAlpha(OnnxNode& n) {
  return n.Add(n.importer().target, {n.In(0)}, {{"alpha", n.Float("alpha", 1)}});
}

Outputs Selu(OnnxNode& n) {
  const bool first = n.version() < 6;  // its constants had fewer digits
  const double alpha = n.Float("alpha", first ? 1.6732f : 1.67326319217681884765625);
  const double gamma = n.Float("gamma", first ? 1.0507f : 1.05070102214813232421875);
  const Value x = n.In(0);
  return n.Times(n.Add("elu", {x}, {{"alpha", alpha}}), n.Like(x, gamma));
}

/// Before version 7 a vector of slopes ran along the channels.
Outputs PRelu(OnnxNode& n) {
  const Value x = n.In(0);
  Value slope = n.In(1);
  if (n.version() < 7 && n.type(slope).elements() != 1 && n.rank(slope) == 1)
    slope = n.AlongAxis(slope, 1, n.rank(x));
  if (n.version() < 7 && n.type(slope).elements() == 1) slope = n.Reshape(slope, {});
  const Value below = n.Times(n.Narrower(slope, x), x);
  return n.Add("where", {n.Add("greater", {x, n.Like(x, 0)}), x, below});
}

/// Of NaN, which is not above alpha, it is 0; ours is NaN, as PyTorch's.
Outputs ThresholdedRelu(OnnxNode& n) {
  const Value x = n.In(0);
  const Value above = n.Add("greater", {x, n.Like(x, n.Float("alpha", 1))});
  return n.Add("where", {above, x, n.Like(x, 0)});
}

Outputs HardSigmoid(OnnxNode& n) {
  return n.Add("hard_sigmoid", {n.In(0)},
               {{"slope", n.Float("alpha", 0.2f)}, {"offset", n.Float("beta", 0.5)}});
}

Outputs Gelu(OnnxNode& n) {
  return n.Add("gelu", {n.In(0)}, {{"approximate", n.Word("approximate", "none")}});
}

Value SwishOf(OnnxNode& n, Value x) {
  const double alpha = n.Float("alpha", 1);
  if (alpha == 1) return n.Add("silu", {x});
  return n.Times(x, n.Add("sigmoid", {n.Times(x, n.Like(x, alpha))}));
}
Outputs Swish(OnnxNode& n) { return SwishOf(n, n.In(0)); }
Outputs SwiGlu(OnnxNode& n) {
  const Value gate = n.In(0), x = n.In(1);
  if (n.shape(gate) != n.shape(x))
    return n.Fail("its operands have shapes {} and {}", ToString(n.shape(gate)),
                  ToString(n.shape(x)));
  return n.Times(SwishOf(n, gate), x);
}

/// `x` moved toward 0 by `bias` where it is beyond `lambd`, else 0.
Outputs Shrink(OnnxNode& n) {
  Value x = n.In(0);
  const DType dtype = n.dtype(x);
  // Limits are numbers with a fraction, also those of integers.
  if (!n.IsFloat(x)) x = n.Cast(x, DType::kF32);
  const double limit = n.Float("lambd", 0.5), bias = n.Float("bias", 0);
  const Value below = n.Add("less", {x, n.Like(x, -limit)});
  const Value above = n.Add("greater", {x, n.Like(x, limit)});
  const Value inner = n.Add("where", {above, n.Minus(x, n.Like(x, bias)), n.Like(x, 0)});
  return n.Cast(n.Add("where", {below, n.Plus(x, n.Like(x, bias)), inner}), dtype);
}

Outputs LegacyClip(OnnxNode& n) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Value x = n.In(0);
  const double low = n.Float("min", -kInfinity), high = n.Float("max", kInfinity);
  if (low <= high) return n.Add("clamp", {x}, {{"low", low}, {"high", high}});
  return n.Add("minimum", {n.Add("maximum", {x, n.Like(x, low)}), n.Like(x, high)});
}

/// `x` within a limit that is a weight: a gradient arrives at it where it counts, and at `x` where
/// that does, equal ones included.
Value LimitedByWeight(OnnxNode& n, Value x, int i, std::string_view beyond) {
  const Value limit = n.Reshape(n.In(i), {});
  return n.Add("where", {n.Add(beyond, {x, limit}), limit, x});
}

/// `x` within a limit that data decide.
Value Limited(OnnxNode& n, Value x, int i, std::string_view beyond, std::string_view op) {
  if (!n.Has(i)) return x;
  const auto now = n.scope().Current(n.proto().input(i));
  const bool is_weight = now && n.IsFloat(x) && now->elements() == 1 &&
                         !std::isnan(now->GetDouble(0)) && !n.Settled(i);
  if (is_weight) return LimitedByWeight(n, x, i, beyond);
  return n.Add(op, {x, n.Reshape(n.In(i), {})});
}

/// Limits that are known give `clamp`, which passes gradients at them; a lower limit above the
/// upper one gives the upper one.
Outputs Clip(OnnxNode& n) {
  const Value x = n.In(0);
  const auto low = n.Settled(1), high = n.Settled(2);
  const bool known = (low || !n.Has(1)) && (high || !n.Has(2));
  const auto limit = [](const std::optional<Tensor>& tensor, double otherwise) {
    return tensor && tensor->elements() == 1 ? tensor->GetDouble(0) : otherwise;
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double least = limit(low, -kInfinity), most = limit(high, kInfinity);
  if (known && n.IsFloat(x) && least <= most)
    return n.Add("clamp", {x}, {{"low", least}, {"high", most}});
  if (n.failed()) return Value{};
  const Value above = Limited(n, x, 1, "less", "maximum");
  return Limited(n, above, 2, "greater", "minimum");
}

/// 1 at the first largest element along the axis, 0 elsewhere.
Value HardmaxOf(OnnxNode& n, Value x, int64_t axis) {
  const Value largest = n.Add("argmax", {x}, {{"axis", axis}, {"keepdims", true}});
  const Value place = n.Add("iota", {}, {{"shape", n.shape(x)}, {"axis", axis}});
  return n.Cast(n.Add("equal", {place, largest}), n.dtype(x));
}

Value AlongAxis(OnnxNode& n, Value x, int64_t axis) {
  return n.importer().target == "hardmax" ? HardmaxOf(n, x, axis)
                                          : n.Add(n.importer().target, {x}, {{"axis", axis}});
}

Outputs Softmax(OnnxNode& n) {
  const Value x = n.In(0);
  return AlongAxis(n, x, n.Axis(n.Int("axis", -1), n.rank(x)));
}

/// Before version 13: along all axes from `axis` on, as one.
Outputs CoercedSoftmax(OnnxNode& n) {
  const Value x = n.In(0);
  const Shape shape = n.shape(x);
  // An axis behind the last one is allowed: each element is a row then.
  const int64_t given = n.Int("axis", 1);
  const int64_t axis = given == n.rank(x) ? given : n.Axis(given, n.rank(x));
  if (n.failed()) return Value{};
  if (axis == n.rank(x) - 1) return AlongAxis(n, x, axis);
  const int64_t rows = Elements(Shape(shape.begin(), shape.begin() + axis));
  const int64_t columns = Elements(Shape(shape.begin() + axis, shape.end()));
  return n.Reshape(AlongAxis(n, n.Reshape(x, {rows, columns}), 1), shape);
}

}  // namespace

std::span<const OpImporter> ActivationImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"Celu", 12, kNewest, 1, {"alpha"}, WithAlpha, "celu"},
      {"Clip", 1, 10, 1, {"min", "max"}, LegacyClip},
      {"Clip", 11, kNewest, 3, {}, Clip},
      {"Elu", 1, kNewest, 1, {"alpha"}, WithAlpha, "elu"},
      {"Gelu", 20, kNewest, 1, {"approximate"}, Gelu},
      {"HardSigmoid", 1, kNewest, 1, {"alpha", "beta"}, HardSigmoid},
      {"HardSwish", 14, kNewest, 1, {}, Same, "hard_swish"},
      {"Hardmax", 1, 12, 1, {"axis"}, CoercedSoftmax, "hardmax"},
      {"Hardmax", 13, kNewest, 1, {"axis"}, Softmax, "hardmax"},
      {"LeakyRelu", 1, kNewest, 1, {"alpha"}, LeakyRelu},
      {"LogSoftmax", 1, 12, 1, {"axis"}, CoercedSoftmax, "log_softmax"},
      {"LogSoftmax", 13, kNewest, 1, {"axis"}, Softmax, "log_softmax"},
      {"Mish", 18, kNewest, 1, {}, Same, "mish"},
      {"PRelu", 1, kNewest, 2, {}, PRelu},
      {"Relu", 1, kNewest, 1, {}, Same, "relu"},
      {"Selu", 1, kNewest, 1, {"alpha", "gamma"}, Selu},
      {"Shrink", 9, kNewest, 1, {"lambd", "bias"}, Shrink},
      {"Sigmoid", 1, kNewest, 1, {}, Same, "sigmoid"},
      {"Softmax", 1, 12, 1, {"axis"}, CoercedSoftmax, "softmax"},
      {"Softmax", 13, kNewest, 1, {"axis"}, Softmax, "softmax"},
      {"Softplus", 1, kNewest, 1, {}, Same, "softplus"},
      {"Softsign", 1, kNewest, 1, {}, Same, "softsign"},
      {"SwiGLU", 28, kNewest, 2, {"alpha"}, SwiGlu},
      {"Swish", 24, kNewest, 1, {"alpha"}, Swish},
      {"Tanh", 1, kNewest, 1, {}, Same, "tanh"},
      {"ThresholdedRelu", 10, kNewest, 1, {"alpha"}, ThresholdedRelu},
  };
  return kImporters;
}

}  // namespace descent::onnx
