// Operators that normalize along an axis.

#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;

Signature AxisSignature() {
  return {.operands = {{"x", DTypeClass::kFloat}},
          .attributes = {{"axis", AttributeKind::kInt, Attribute(int64_t{-1}),
                          "axis to normalize, negative ones count from the end"}}};
}

Result<std::vector<TensorType>> InferSame(const OpContext& op) {
  const auto axis = NormalAxis(op.attributes.Int("axis"), op.operands[0].rank());
  if (!axis) return std::unexpected(axis.error());
  return OneResult(op.dtype(0), op.shape(0));
}

/// x - max x, whose exponential cannot overflow.
Expr Shifted(Expr x, int64_t axis) { return x - Max(x, {axis}, true); }

Values ExpandSoftmax(GraphBuilder& b, const OpContext& op, std::span<const Value> x) {
  const int64_t axis = op.attributes.Int("axis");
  const Expr e = Exp(Shifted({b, x[0]}, axis));
  return {e / Sum(e, {axis}, true)};
}

Values VjpSoftmax(const VjpContext& v) {
  const Expr y = ResultOf(v), g = Gradient(v);
  return {y * (g - Sum(g * y, {v.op.attributes.Int("axis")}, true))};
}

Values ExpandSoftmin(GraphBuilder& b, const OpContext& op, std::span<const Value> x) {
  return {b.Add("softmax", {-Expr(b, x[0])}, {{"axis", op.attributes.Int("axis")}})};
}

Values ExpandLogSoftmax(GraphBuilder& b, const OpContext& op, std::span<const Value> x) {
  const int64_t axis = op.attributes.Int("axis");
  const Expr shifted = Shifted({b, x[0]}, axis);
  return {shifted - Log(Sum(Exp(shifted), {axis}, true))};
}

Values VjpLogSoftmax(const VjpContext& v) {
  const Expr g = Gradient(v);
  return {g - Exp(ResultOf(v)) * Sum(g, {v.op.attributes.Int("axis")}, true)};
}

}  // namespace

std::span<const OpDef> SoftmaxOps() {
  static const std::array kOps = {
      OpDef{.name = "softmax",
            .doc = "Probabilities proportional to the exponential.\n\n`y_i = e^x_i / sum_j e^x_j` "
                   "along an axis, computed of `x - max x`, which changes nothing and cannot "
                   "overflow (torch.nn.functional.softmax). Gradient: `y * (g - sum_j g_j y_j)`.",
            .example = "softmax([1, 2, 3]) = [0.09, 0.2447, 0.6652]",
            .signature = AxisSignature(),
            .infer = InferSame,
            .expand = ExpandSoftmax,
            .vjp = VjpSoftmax},
      OpDef{.name = "softmin",
            .doc = "Probabilities proportional to the exponential of -x.\n\n`y_i = e^-x_i / sum_j "
                   "e^-x_j` along an axis: the softmax of -x (torch.nn.Softmin). Gradient: `-y * "
                   "(g - sum_j g_j y_j)`.",
            .example = "softmin([1, 2, 3]) = [0.6652, 0.2447, 0.09]",
            .signature = AxisSignature(),
            .infer = InferSame,
            .expand = ExpandSoftmin},
      OpDef{.name = "log_softmax",
            .doc = "Logarithm of softmax.\n\n`y_i = x_i - log sum_j e^x_j` along an axis, "
                   "computed of `x - max x` (torch.nn.functional.log_softmax). Gradient: `g - e^y "
                   "* sum_j g_j`.",
            .example = "log_softmax([1, 2, 3]) = [-2.4076, -1.4076, -0.4076]",
            .signature = AxisSignature(),
            .infer = InferSame,
            .expand = ExpandLogSoftmax,
            .vjp = VjpLogSoftmax},
  };
  return kOps;
}

}  // namespace descent
