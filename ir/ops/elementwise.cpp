// Elementwise operators: the result at a point depends on the operands at that point, broadcast as
// NumPy does. The differentiation driver sums a gradient over the axes its operand broadcast along.

#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using enum ScalarOp;
using Reads = std::span<const Scalar>;
using Values = std::vector<Value>;

// ---- signatures and types ----------------------------------------------------------------------

Signature Unary(DTypeClass dtypes, std::vector<AttributeSpec> attributes = {}) {
  return {.operands = {{"x", dtypes}}, .attributes = std::move(attributes)};
}
Signature Binary(DTypeClass dtypes) { return {.operands = {{"a", dtypes}, {"b", dtypes}}}; }

Result<std::vector<TensorType>> InferBroadcast(const OpContext& op) {
  DESCENT_TRY(shape, BroadcastShapes(op.operands));
  return OneResult(op.dtype(0), std::move(shape));
}

Result<std::vector<TensorType>> InferComparison(const OpContext& op) {
  DESCENT_TRY(shape, BroadcastShapes(op.operands));
  return OneResult(DType::kBool, std::move(shape));
}

Result<std::vector<TensorType>> InferWhere(const OpContext& op) {
  DESCENT_TRY(shape, BroadcastShapes(op.operands));
  return OneResult(op.dtype(1), std::move(shape));
}

Result<std::vector<TensorType>> InferCast(const OpContext& op) {
  return OneResult(op.attributes.Type("to"), op.shape(0));
}

// ---- definitions -------------------------------------------------------------------------------

template <typename Body>
TensorExpr Elementwise(const OpContext& op, Body body) {
  TensorExpr expr{.axes = *BroadcastShapes(op.operands)};
  expr.rank = static_cast<int>(expr.axes.size());
  std::vector<Scalar> scalars;
  for (int i = 0; i < static_cast<int>(op.operands.size()); ++i) {
    expr.reads.push_back(BroadcastRead(i, op.shape(i), expr.rank));
    scalars.push_back(ReadScalar(i, op.dtype(i)));
  }
  expr.results = {body(Reads(scalars))};
  return expr;
}

/// The operator is one scalar instruction.
template <ScalarOp kOp>
TensorExpr Define(const OpContext& op) {
  return Elementwise(op, [](Reads x) { return Call(kOp, {x.begin(), x.end()}); });
}

Scalar Number(const Scalar& like, double value) { return ConstantScalar(like->dtype, value); }

TensorExpr DefineSign(const OpContext& op) {
  return Elementwise(op, [](Reads x) {
    const Scalar zero = Number(x[0], 0);
    const Scalar negative = Info(x[0]->dtype).is_unsigned
                                ? zero
                                : Call(kSelect, {Call(kLt, {x[0], zero}), Number(x[0], -1), zero});
    return Call(kSelect, {Call(kGt, {x[0], zero}), Number(x[0], 1), negative});
  });
}

TensorExpr DefineSquare(const OpContext& op) {
  return Elementwise(op, [](Reads x) { return Call(kMul, {x[0], x[0]}); });
}

TensorExpr DefineRelu(const OpContext& op) {
  return Elementwise(op, [](Reads x) {
    const Scalar zero = Number(x[0], 0);
    return Call(kSelect, {Call(kLe, {x[0], zero}), zero, x[0]});
  });
}

TensorExpr DefineLeakyRelu(const OpContext& op) {
  return Elementwise(op, [&](Reads x) {
    const Scalar scaled = Call(kMul, {x[0], Number(x[0], op.attributes.Float("slope"))});
    return Call(kSelect, {Call(kGt, {x[0], Number(x[0], 0)}), x[0], scaled});
  });
}

TensorExpr DefineCast(const OpContext& op) {
  return Elementwise(op, [&](Reads x) { return Cast(op.attributes.Type("to"), x[0]); });
}

// ---- gradients ---------------------------------------------------------------------------------

Values VjpMul(const VjpContext& v) {
  const Expr g = Gradient(v);
  return {g * Operand(v, 1), g * Operand(v, 0)};
}

Values VjpDiv(const VjpContext& v) {
  const Expr g = Gradient(v) / Operand(v, 1);
  return {g, -(g * ResultOf(v))};
}

Values VjpPow(const VjpContext& v) {
  const Expr g = Gradient(v), x = Operand(v, 0), p = Operand(v, 1), y = ResultOf(v);
  const Expr dx = Where(Equal(p, 0.0), 0.0, g * p * Pow(x, p - 1.0));
  const Expr dp = Where(And(Equal(x, 0.0), GreaterEqual(p, 0.0)), 0.0, g * y * Log(x));
  return {dx, dp};
}

Values VjpMinimum(const VjpContext& v) {
  const Expr a = Operand(v, 0), b = Operand(v, 1), g = Gradient(v);
  const Expr shared = Where(Equal(a, b), g * 0.5, g);
  return {Where(Greater(a, b), 0.0, shared), Where(Less(a, b), 0.0, shared)};
}

Values VjpMaximum(const VjpContext& v) {
  const Expr a = Operand(v, 0), b = Operand(v, 1), g = Gradient(v);
  const Expr shared = Where(Equal(a, b), g * 0.5, g);
  return {Where(Less(a, b), 0.0, shared), Where(Greater(a, b), 0.0, shared)};
}

Values VjpWhere(const VjpContext& v) {
  const Expr condition = Operand(v, 0), g = Gradient(v);
  return {Value(), Where(condition, g, 0.0), Where(condition, 0.0, g)};
}

Values VjpCast(const VjpContext& v) {
  if (!Info(v.op.dtype(0)).is_float) return {Value()};
  return {CastTo(Gradient(v), v.op.dtype(0))};
}

constexpr std::string_view kBoolResult = "the result is bool";

OpDef Comparison(std::string_view name, std::string_view doc, DTypeClass dtypes,
                 TensorExpr (*define)(const OpContext&)) {
  return {.name = name,
          .doc = doc,
          .signature = Binary(dtypes),
          .infer = InferComparison,
          .define = define,
          .no_gradient = kBoolResult};
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
std::span<const OpDef> ElementwiseOps() {
  using enum DTypeClass;
  static const std::array kOps = {
      OpDef{.name = "add",
            .doc = "Sum of two tensors.\n\n`y = a + b`, broadcast as NumPy does; integers wrap. "
                   "Gradient: `g` to both.",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kAdd>,
            .vjp = [](const VjpContext& v) { return Values{v.gradient(), v.gradient()}; }},
      OpDef{.name = "sub",
            .doc = "Difference of two tensors.\n\n`y = a - b`, broadcast as NumPy does; integers "
                   "wrap. Gradient: `g` and `-g`.",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kSub>,
            .vjp = [](const VjpContext& v) { return Values{v.gradient(), -Gradient(v)}; }},
      OpDef{.name = "mul",
            .doc = "Product of two tensors.\n\n`y = a * b`, broadcast as NumPy does; integers "
                   "wrap. Gradient: `g * b` and `g * a`.",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kMul>,
            .vjp = VjpMul},
      OpDef{.name = "div",
            .doc = "Quotient of two tensors.\n\n`y = a / b`, broadcast as NumPy does. Integers "
                   "truncate toward zero; divided by zero they give 0. Gradient: `g / b` and "
                   "`-g * y / b`.",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kDiv>,
            .vjp = VjpDiv},
      OpDef{.name = "neg",
            .doc = "Negation.\n\n`y = -x`. Gradient: `-g`.",
            .signature = Unary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kNeg>,
            .vjp = [](const VjpContext& v) { return Values{-Gradient(v)}; }},
      OpDef{.name = "abs",
            .doc = "Absolute value.\n\n`y = |x|`. Gradient: `g * sign(x)`, so 0 at 0.",
            .signature = Unary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kAbs>,
            .vjp = [](const VjpContext& v) { return Values{Gradient(v) * Sign(Operand(v, 0))}; }},
      OpDef{.name = "sign",
            .doc = "Sign.\n\n`y` is 1 above 0, -1 below 0, and 0 at 0 and for NaN. Gradient: 0, "
                   "also at the jump.",
            .signature = Unary(kNumeric),
            .infer = InferBroadcast,
            .define = DefineSign,
            .vjp = [](const VjpContext&) { return Values{Value()}; }},
      OpDef{.name = "floor",
            .doc = "Largest whole number that is not above x.\n\nGradient: 0, also at the jumps.",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = Define<kFloor>,
            .vjp = [](const VjpContext&) { return Values{Value()}; }},
      OpDef{.name = "square",
            .doc = "Square.\n\n`y = x * x`. Gradient: `2 * g * x`.",
            .signature = Unary(kNumeric),
            .infer = InferBroadcast,
            .define = DefineSquare,
            .vjp = [](const VjpContext& v) { return Values{Gradient(v) * (Operand(v, 0) * 2.0)}; }},
      OpDef{.name = "sqrt",
            .doc = "Square root.\n\nNaN below 0. Gradient: `g / (2 * y)`, infinite at 0.",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = Define<kSqrt>,
            .vjp = [](const VjpContext& v) { return Values{Gradient(v) / (ResultOf(v) * 2.0)}; }},
      OpDef{.name = "pow",
            .doc = "Power.\n\n`y = a^b` as C's pow, broadcast as NumPy does. Gradient: to a, `g * "
                   "b * a^(b-1)`, 0 where b is 0; to b, `g * y * log(a)`, 0 where a is 0 and b is "
                   "not negative.",
            .signature = Binary(kFloat),
            .infer = InferBroadcast,
            .define = Define<kPow>,
            .vjp = VjpPow},
      OpDef{.name = "exp",
            .doc = "Exponential function.\n\n`y = e^x`. Gradient: `g * y`.",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = Define<kExp>,
            .vjp = [](const VjpContext& v) { return Values{Gradient(v) * ResultOf(v)}; }},
      OpDef{.name = "log",
            .doc = "Natural logarithm.\n\n-infinity at 0, NaN below. Gradient: `g / x`.",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = Define<kLog>,
            .vjp = [](const VjpContext& v) { return Values{Gradient(v) / Operand(v, 0)}; }},
      OpDef{.name = "sin",
            .doc = "Sine of an angle in radians.\n\nGradient: `g * cos(x)`.",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = Define<kSin>,
            .vjp = [](const VjpContext& v) { return Values{Gradient(v) * Cos(Operand(v, 0))}; }},
      OpDef{.name = "cos",
            .doc = "Cosine of an angle in radians.\n\nGradient: `-g * sin(x)`.",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = Define<kCos>,
            .vjp = [](const VjpContext& v) { return Values{-(Gradient(v) * Sin(Operand(v, 0)))}; }},
      OpDef{.name = "tanh",
            .doc = "Hyperbolic tangent.\n\n`y = (e^x - e^-x) / (e^x + e^-x)`. Gradient: `g * (1 - "
                   "y^2)`.",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = Define<kTanh>,
            .vjp =
                [](const VjpContext& v) {
                  return Values{Gradient(v) * (1.0 - Square(ResultOf(v)))};
                }},
      OpDef{.name = "sigmoid",
            .doc = "Logistic function.\n\n`y = 1 / (1 + e^-x)`. Gradient: `g * y * (1 - y)`.",
            .signature = Unary(kFloat),
            .infer = InferBroadcast,
            .define = Define<kSigmoid>,
            .vjp =
                [](const VjpContext& v) {
                  const Expr y = ResultOf(v);
                  return Values{Gradient(v) * (y * (1.0 - y))};
                }},
      OpDef{.name = "relu",
            .doc = "Rectified linear unit.\n\n`y = x` above 0, else 0; NaN stays NaN. Gradient: "
                   "`g` above 0, else 0, so 0 at 0.",
            .signature = Unary(kNumeric),
            .infer = InferBroadcast,
            .define = DefineRelu,
            .vjp =
                [](const VjpContext& v) {
                  return Values{Where(Greater(ResultOf(v), 0.0), Gradient(v), 0.0)};
                }},
      OpDef{.name = "leaky_relu",
            .doc = "Rectified linear unit with a slope below 0.\n\n`y = x` above 0, else `slope * "
                   "x`. Gradient: `g` above 0, else `slope * g`, also at 0.",
            .signature =
                Unary(kFloat, {{"slope", AttributeKind::kFloat, Attribute(0.01), "slope below 0"}}),
            .infer = InferBroadcast,
            .define = DefineLeakyRelu,
            .vjp =
                [](const VjpContext& v) {
                  const Expr g = Gradient(v);
                  return Values{
                      Where(Greater(Operand(v, 0), 0.0), g, g * v.op.attributes.Float("slope"))};
                }},
      OpDef{.name = "minimum",
            .doc = "The smaller of two tensors.\n\nBroadcast as NumPy does; NaN if either is NaN. "
                   "Gradient: `g` to the smaller; half to each where they are equal.",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kMin>,
            .vjp = VjpMinimum},
      OpDef{.name = "maximum",
            .doc = "The larger of two tensors.\n\nBroadcast as NumPy does; NaN if either is NaN. "
                   "Gradient: `g` to the larger; half to each where they are equal.",
            .signature = Binary(kNumeric),
            .infer = InferBroadcast,
            .define = Define<kMax>,
            .vjp = VjpMaximum},
      Comparison("equal", "Whether a = b.\n\nBroadcasts as NumPy does; false where either is NaN.",
                 kAny, Define<kEq>),
      Comparison("not_equal",
                 "Whether a and b differ.\n\nBroadcasts as NumPy does; true where either is NaN.",
                 kAny, Define<kNe>),
      Comparison("less", "Whether a < b.\n\nBroadcasts as NumPy does; false where either is NaN.",
                 kNumeric, Define<kLt>),
      Comparison("less_equal",
                 "Whether a <= b.\n\nBroadcasts as NumPy does; false where either is NaN.",
                 kNumeric, Define<kLe>),
      Comparison("greater",
                 "Whether a > b.\n\nBroadcasts as NumPy does; false where either is NaN.", kNumeric,
                 Define<kGt>),
      Comparison("greater_equal",
                 "Whether a >= b.\n\nBroadcasts as NumPy does; false where either is NaN.",
                 kNumeric, Define<kGe>),
      Comparison("logical_and", "Whether both are true.\n\nBroadcasts as NumPy does.", kBool,
                 Define<kAnd>),
      Comparison("logical_or", "Whether at least one is true.\n\nBroadcasts as NumPy does.", kBool,
                 Define<kOr>),
      OpDef{.name = "logical_not",
            .doc = "Whether x is false.\n\n`y = not x`.",
            .signature = Unary(kBool),
            .infer = InferComparison,
            .define = Define<kNot>,
            .no_gradient = kBoolResult},
      OpDef{.name = "where",
            .doc = "Choice between two tensors.\n\n`y = a` where the condition is true, else `b`; "
                   "the three broadcast as NumPy does. The side that is not chosen has no "
                   "influence, NaN included. Gradient: `g` to the chosen side, 0 to the other.",
            .signature = {.operands = {{"condition", kBool, -1}, {"a"}, {"b"}}},
            .infer = InferWhere,
            .define = Define<kSelect>,
            .vjp = VjpWhere},
      OpDef{.name = "cast",
            .doc = "Conversion to another element type.\n\nFloats become integers by truncation "
                   "and saturation, NaN becomes 0; integers wrap to narrower ones; a number is "
                   "true as bool unless it is 0. Gradient: `g` converted back between floats, "
                   "none otherwise.",
            .signature = Unary(
                kAny, {{"to", AttributeKind::kDType, std::nullopt, "element type of the result"}}),
            .infer = InferCast,
            .define = DefineCast,
            .vjp = VjpCast},
  };
  return kOps;
}

}  // namespace descent
