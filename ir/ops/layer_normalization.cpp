// Normalization of each row by statistics of its own: rows of the batch stay apart.

#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

enum Operands { kX, kScale, kBias };

/// The operand over its root mean square, whose own mean was taken away before if `centered`. Two
/// passes: no difference of large squares.
struct Standard {
  Expr normal, deviation;
};

Standard Standardize(Expr x, const Ints& axes, double epsilon, bool centered) {
  if (centered) x = x - Mean(x, axes, true);
  const Expr deviation = Sqrt(Mean(Square(x), axes, true) + epsilon);
  return {x / deviation, deviation};
}

/// Gradient of x for that of `normal`: `(g - x' mean(g x') [- mean g]) / deviation`.
Expr StandardGradient(Expr g, const Standard& x, const Ints& axes, bool centered) {
  Expr difference = g - x.normal * Mean(g * x.normal, axes, true);
  if (centered) difference = difference - Mean(g, axes, true);
  return difference / x.deviation;
}

Result<void> CheckEpsilon(const OpContext& op) {
  const double epsilon = op.attributes.Float("epsilon");
  if (epsilon >= 0 && epsilon <= 1) return {};
  return Error("epsilon must be between 0 and 1, not {}", epsilon);
}

Result<void> CheckParameters(const OpContext& op, const Shape& shape, std::string_view what) {
  static constexpr std::string_view kNames[] = {"x", "scale", "bias"};
  for (int i = kScale; i < static_cast<int>(op.operands.size()); ++i)
    if (op.shape(i) != shape)
      return Error("{} must be {}, {} of x {}, not {}", kNames[i], ToString(shape), what,
                   ToString(op.shape(kX)), ToString(op.shape(i)));
  return {};
}

// ---- over the last axes ------------------------------------------------------------------------

Ints LastAxes(const OpContext& op) {
  Ints axes;
  for (int i = KnownAxis(op.attributes.Int("axis"), op.operands[kX].rank());
       i < op.operands[kX].rank(); ++i)
    axes.push_back(i);
  return axes;
}

Result<std::vector<TensorType>> InferLayerNorm(const OpContext& op) {
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[kX].rank()));
  DESCENT_RETURN_IF_ERROR(CheckEpsilon(op));
  const Shape& x = op.shape(kX);
  DESCENT_RETURN_IF_ERROR(CheckParameters(op, {x.begin() + axis, x.end()}, "the last axes"));
  return OneResult(op.dtype(kX), x);
}

template <bool centered>
Values ExpandLayerNorm(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  Expr y =
      Standardize({b, operands[kX]}, LastAxes(op), op.attributes.Float("epsilon"), centered).normal;
  if (operands.size() > kScale) y = y * Expr(b, operands[kScale]);
  if (operands.size() > kBias) y = y + Expr(b, operands[kBias]);
  return {y};
}

/// Scale and bias are broadcast over rows, along which their gradients are summed by the driver.
template <bool centered>
Values VjpLayerNorm(const VjpContext& v) {
  const Ints axes = LastAxes(v.op);
  const Expr g = Gradient(v);
  const Standard x = Standardize(Operand(v, kX), axes, v.op.attributes.Float("epsilon"), centered);
  Values gradients(v.operands.size());
  const Expr arriving = v.operands.size() > kScale ? g * Operand(v, kScale) : g;
  if (v.wanted[kX]) gradients[kX] = StandardGradient(arriving, x, axes, centered);
  if (v.operands.size() > kScale) gradients[kScale] = g * x.normal;
  if (v.operands.size() > kBias) gradients[kBias] = g;
  return gradients;
}

// ---- over groups of channels -------------------------------------------------------------------

struct Groups {
  int axis;          ///< of channels in x, of groups in `split`
  Shape split;       ///< x with channels as [groups, channels / groups]
  Ints axes;         ///< of `split` that are normalized: all but batch and groups
  Shape parameters;  ///< scale and bias as they broadcast to x
};

Groups GroupsOf(const OpContext& op) {
  const int axis = KnownAxis(op.attributes.Int("axis"), op.operands[kX].rank());
  const Shape& x = op.shape(kX);
  const bool each = op.attributes.Find("groups") == nullptr;
  const int64_t groups = each ? x[axis] : op.attributes.Int("groups");
  Groups result{axis, x, {}, Shape(x.size(), 1)};
  result.split[axis] = groups == 0 ? 0 : x[axis] / groups;
  result.split.insert(result.split.begin() + axis, groups);
  for (int i = 1; i < static_cast<int>(result.split.size()); ++i)
    if (i != axis) result.axes.push_back(i);
  result.parameters[axis] = x[axis];
  return result;
}

Result<std::vector<TensorType>> InferGroupNorm(const OpContext& op) {
  const Shape& x = op.shape(kX);
  const bool each = op.attributes.Find("groups") == nullptr;
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[kX].rank()));
  if (axis == 0) return Error("axis 0 is the batch, not that of channels");
  if (each && x.size() < 3) return Error("x needs rows, channels and places, not {}", ToString(x));
  if (!each) {
    const int64_t groups = op.attributes.Int("groups");
    if (groups < 1 || x[axis] % groups != 0)
      return Error("groups = {} does not divide {} channels of x {}", groups, x[axis], ToString(x));
  }
  DESCENT_RETURN_IF_ERROR(CheckEpsilon(op));
  DESCENT_RETURN_IF_ERROR(CheckParameters(op, {x[axis]}, "one number per channel"));
  if (x.size() + 1 > kMaxRank) return Error("x {} has too many axes", ToString(x));
  return OneResult(op.dtype(kX), x);
}

Values ExpandGroupNorm(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const Groups groups = GroupsOf(op);
  const Expr split = Reshape({b, operands[kX]}, groups.split);
  Expr y = Reshape(Standardize(split, groups.axes, op.attributes.Float("epsilon"), true).normal,
                   op.shape(kX));
  if (operands.size() > kScale) y = y * Reshape({b, operands[kScale]}, groups.parameters);
  if (operands.size() > kBias) y = y + Reshape({b, operands[kBias]}, groups.parameters);
  return {y};
}

Values VjpGroupNorm(const VjpContext& v) {
  const Groups groups = GroupsOf(v.op);
  const Expr g = Gradient(v);
  const Standard x = Standardize(Reshape(Operand(v, kX), groups.split), groups.axes,
                                 v.op.attributes.Float("epsilon"), true);
  Ints others;
  for (int i = 0; i < g.rank(); ++i)
    if (i != groups.axis) others.push_back(i);
  Values gradients(v.operands.size());
  const bool scaled = v.operands.size() > kScale;
  const Expr arriving = scaled ? g * Reshape(Operand(v, kScale), groups.parameters) : g;
  if (v.wanted[kX])
    gradients[kX] = Reshape(StandardGradient(Reshape(arriving, groups.split), x, groups.axes, true),
                            v.op.shape(kX));
  if (scaled) gradients[kScale] = Sum(g * Reshape(x.normal, v.op.shape(kX)), others);
  if (v.operands.size() > kBias) gradients[kBias] = Sum(g, others);
  return gradients;
}

// ---- literals ----------------------------------------------------------------------------------

AttributeSpec AxisAttribute(int64_t axis, std::string_view doc) {
  return {"axis", AttributeKind::kInt, Attribute(axis), doc};
}
AttributeSpec EpsilonAttribute(double epsilon, std::string_view doc) {
  return {"epsilon", AttributeKind::kFloat, Attribute(epsilon), doc};
}

std::vector<OperandSpec> OperandsWithBias() {
  return {{"x", DTypeClass::kFloat},
          {.name = "scale", .dtypes = DTypeClass::kFloat, .optional = true},
          {.name = "bias", .dtypes = DTypeClass::kFloat, .optional = true}};
}

constexpr std::string_view kToVariance = "added to the variance";
constexpr std::string_view kChannelAxis = "axis of channels";

}  // namespace

std::span<const OpDef> LayerNormalizationOps() {
  static const std::array kOps = {
      OpDef{.name = "layer_norm",
            .doc = "Normalization of each row over its last axes.\n\n`y = (x - mean) / sqrt(var + "
                   "epsilon) * scale + bias` with mean and biased variance over the axes from "
                   "`axis` on; scale and bias have their extents. Gradient (x' normalized, h = g * "
                   "scale): to x, `(h - mean(h) - x' * mean(h x')) / sqrt(var + epsilon)`; to "
                   "scale, the sum of `g x'`, to bias, of `g`, over rows (Ba, Kiros and Hinton, "
                   "Layer normalization, 2016).",
            .example = "layer_norm([[1, 3], [10, 30]], [1, 2], [0, 100]) = [[-1, 102], [-1, 102]]",
            .signature = {.operands = OperandsWithBias(),
                          .attributes = {AxisAttribute(-1, "first of the axes to normalize"),
                                         EpsilonAttribute(1e-5, kToVariance)}},
            .infer = InferLayerNorm,
            .expand = ExpandLayerNorm<true>,
            .vjp = VjpLayerNorm<true>},
      OpDef{.name = "rms_norm",
            .doc = "Each row over its root mean square.\n\n`y = x / sqrt(mean(x^2) + epsilon) * "
                   "scale` over the axes from `axis` on; scale has their extents. Gradient (x' "
                   "normalized, h = g * scale): to x, `(h - x' * mean(h x')) / sqrt(mean(x^2) + "
                   "epsilon)`; to scale, the sum of `g x'` over rows (Zhang and Sennrich, Root "
                   "mean square layer normalization, 2019).",
            .example = "rms_norm([[1, 7]]) = [[0.2, 1.4]]",
            .signature =
                {.operands = {{"x", DTypeClass::kFloat},
                              {.name = "scale", .dtypes = DTypeClass::kFloat, .optional = true}},
                 .attributes = {AxisAttribute(-1, "first of the axes to normalize"),
                                EpsilonAttribute(1e-6, "added to the mean square")}},
            .infer = InferLayerNorm,
            .expand = ExpandLayerNorm<false>,
            .vjp = VjpLayerNorm<false>},
      OpDef{.name = "group_norm",
            .doc = "Normalization of each row over groups of channels.\n\nChannels are cut into "
                   "`groups` runs; `y = (x - mean) / sqrt(var + epsilon) * scale + bias` with mean "
                   "and biased variance of each row and group, over all its channels and places; "
                   "scale and bias have one number per channel. Gradient: as that of layer_norm "
                   "over each group (Wu and He, Group normalization, 2018).",
            .example = "group_norm([[1, 3, 10, 30]], groups=2) = [[-1, 1, -1, 1]]",
            .signature = {.operands = OperandsWithBias(),
                          .attributes = {{"groups", AttributeKind::kInt, std::nullopt,
                                          "groups of channels, a divisor of their number"},
                                         AxisAttribute(1, kChannelAxis),
                                         EpsilonAttribute(1e-5, kToVariance)}},
            .infer = InferGroupNorm,
            .expand = ExpandGroupNorm,
            .vjp = VjpGroupNorm},
      OpDef{.name = "instance_norm",
            .doc = "Normalization of each channel of each row.\n\n`y = (x - mean) / sqrt(var + "
                   "epsilon) * scale + bias` with mean and biased variance over the places of one "
                   "channel of one row: group_norm with groups of one channel. Scale and bias have "
                   "one number per channel. Gradient: as that of layer_norm over the places "
                   "(Ulyanov, Vedaldi and Lempitsky, Instance normalization, 2016).",
            .example = "instance_norm([[[1, 3], [10, 30]]], [1, 5]) = [[[-1, 1], [-5, 5]]]",
            .signature = {.operands = OperandsWithBias(),
                          .attributes = {AxisAttribute(1, kChannelAxis),
                                         EpsilonAttribute(1e-5, kToVariance)}},
            .infer = InferGroupNorm,
            .expand = ExpandGroupNorm,
            .vjp = VjpGroupNorm},
  };
  return kOps;
}

}  // namespace descent
