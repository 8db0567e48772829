// Numbers as integers times a scale: ONNX QuantizeLinear and DequantizeLinear.

#include <array>

#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;

const AttributeSpec kAxis = {"axis", AttributeKind::kInt, Attribute(int64_t{1}),
                             "axis of x that a vector of scales runs along, negative ones count "
                             "from the end"};

/// A scale is one number or one for each place of the axis; a zero point has the scale's shape.
Result<void> CheckScales(const OpContext& op) {
  const Shape& scale = op.shape(1);
  if (scale.size() > 1) return Error("scale must have at most one axis, not {}", ToString(scale));
  if (op.operands.size() > 2 && op.shape(2) != scale)
    return Error("zero_point must have the shape of scale, {}, not {}", ToString(scale),
                 ToString(op.shape(2)));
  if (scale.empty()) return {};
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[0].rank()));
  if (op.shape(0)[axis] != scale[0])
    return Error("scale has {} elements, but axis {} of x has {}", scale[0], axis,
                 op.shape(0)[axis]);
  return {};
}

bool IsNarrow(DType dtype) { return Info(dtype).bytes <= 2; }

/// A scale or zero point, broadcast along the axis of x.
Expr AlongAxis(const OpContext& op, Expr scale) {
  if (scale.rank() == 0) return scale;
  const int rank = op.operands[0].rank();
  Shape shape(rank, 1);
  shape[KnownAxis(op.attributes.Int("axis"), rank)] = scale.shape()[0];
  return Reshape(scale, shape);
}

Expr Rounded(Expr x) { return {x.builder(), x.builder().Add("round", {x})}; }

Result<std::vector<TensorType>> InferQuantize(const OpContext& op) {
  if (!IsNarrow(op.dtype(2)))
    return Error("zero_point must be i8, u8, i16 or u16, not {}", Info(op.dtype(2)).name);
  DESCENT_RETURN_IF_ERROR(CheckScales(op));
  return OneResult(op.dtype(2), op.shape(0));
}

/// Steps are cut off beyond all results first, so that adding whole numbers is exact.
Values ExpandQuantize(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  constexpr double kBeyond = 1 << 20;
  const DType dtype = op.dtype(2);
  const Expr steps = Rounded(Expr(b, operands[0]) / AlongAxis(op, {b, operands[1]}));
  const Expr sum = CastTo(Minimum(Maximum(steps, -kBeyond), kBeyond), DType::kI32) +
                   CastTo(AlongAxis(op, {b, operands[2]}), DType::kI32);
  const auto lowest = static_cast<double>(LowestInteger(dtype));
  const auto highest = static_cast<double>(HighestInteger(dtype));
  return {CastTo(Minimum(Maximum(sum, lowest), highest), dtype)};
}

Result<std::vector<TensorType>> InferDequantize(const OpContext& op) {
  if (!IsNarrow(op.dtype(0)) && op.dtype(0) != DType::kI32)
    return Error("x must be i8, u8, i16, u16 or i32, not {}", Info(op.dtype(0)).name);
  if (op.operands.size() > 2 && op.dtype(2) != op.dtype(0))
    return Error("zero_point must have the type of x, {}, not {}", Info(op.dtype(0)).name,
                 Info(op.dtype(2)).name);
  DESCENT_RETURN_IF_ERROR(CheckScales(op));
  return OneResult(op.dtype(1), op.shape(0));
}

/// The difference is taken where it cannot wrap.
Values ExpandDequantize(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  Expr x = CastTo({b, operands[0]}, DType::kI64);
  if (operands.size() > 2) x = x - CastTo(AlongAxis(op, {b, operands[2]}), DType::kI64);
  const Expr scale(b, operands[1]);
  return {CastTo(x, scale.dtype()) * AlongAxis(op, scale)};
}

}  // namespace

std::span<const OpDef> QuantizeOps() {
  static const std::array kOps = {
      OpDef{.name = "quantize_linear",
            .doc =
                "Floats as integers of a given step.\n\n`y = saturate(round(x / scale) + "
                "zero_point)`, halves to even, in the type of zero_point (i8, u8, i16 or u16) and "
                "limited to its range; NaN becomes zero_point. scale and zero_point are scalars or "
                "vectors "
                "along `axis`. ONNX QuantizeLinear. No gradient: the result is an integer.",
            .example = "quantize_linear([1, 2.5, -900], 0.5, i8 10) = [12, 15, -128]",
            .signature = {.operands = {{"x", DTypeClass::kFloat},
                                       {"scale", DTypeClass::kFloat},
                                       {"zero_point", DTypeClass::kInteger, -1}},
                          .attributes = {kAxis}},
            .infer = InferQuantize,
            .expand = ExpandQuantize,
            .no_gradient = "the result is an integer"},
      OpDef{.name = "dequantize_linear",
            .doc = "Integers of a given step as floats.\n\n`y = (x - zero_point) * scale`, in the "
                   "type of scale; x is i8, u8, i16, u16 or i32, zero_point of the same type, 0 if "
                   "left out. scale and zero_point are scalars or vectors along `axis`. ONNX "
                   "DequantizeLinear. Gradient: to scale, the sum of `g * (x - zero_point)`.",
            .example = "dequantize_linear(i8 [12, 15, -128], 0.5, i8 10) = [1, 2.5, -69]",
            .signature = {.operands = {{"x", DTypeClass::kInteger, -1},
                                       {"scale", DTypeClass::kFloat},
                                       {"zero_point", DTypeClass::kInteger, -1, true}},
                          .attributes = {kAxis}},
            .infer = InferDequantize,
            .expand = ExpandDequantize},
  };
  return kOps;
}

}  // namespace descent
