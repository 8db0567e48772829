// Activations that work element by element.

#include <array>

#include "ir/ops/elementwise.h"
#include "ir/ops/families.h"

namespace descent {
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;

Scalar Relu(const Scalar& x) {
  const Scalar zero = Number(x, 0);
  return Call(kSelect, {Call(kLe, {x, zero}), zero, x});
}

TensorExpr DefineLeakyRelu(const OpContext& op) {
  return Elementwise(op, [&](Reads x) {
    const Scalar scaled = x[0] * op.attributes.Float("slope");
    return Call(kSelect, {Call(kGt, {x[0], Number(x[0], 0)}), x[0], scaled});
  });
}

Values VjpRelu(const VjpContext& v) { return {Where(Greater(ResultOf(v), 0.0), Gradient(v), 0.0)}; }

Values VjpLeakyRelu(const VjpContext& v) {
  const Expr g = Gradient(v);
  return {Where(Greater(Operand(v, 0), 0.0), g, g * v.op.attributes.Float("slope"))};
}

}  // namespace

std::span<const OpDef> ActivationOps() {
  using enum DTypeClass;
  static const std::array kOps = {
      OpDef{.name = "relu",
            .doc = "Rectified linear unit.\n\n`y = x` above 0, else 0; NaN stays NaN. Gradient: "
                   "`g` above 0, else 0, so 0 at 0.",
            .signature = Unary(kNumeric),
            .infer = InferBroadcast,
            .define = DefineUnary<Relu>,
            .vjp = VjpRelu},
      OpDef{.name = "leaky_relu",
            .doc = "Rectified linear unit with a slope below 0.\n\n`y = x` above 0, else `slope * "
                   "x`. Gradient: `g` above 0, else `slope * g`, also at 0.",
            .signature =
                Unary(kFloat, {{"slope", AttributeKind::kFloat, Attribute(0.01), "slope below 0"}}),
            .infer = InferBroadcast,
            .define = DefineLeakyRelu,
            .vjp = VjpLeakyRelu},
  };
  return kOps;
}

}  // namespace descent
