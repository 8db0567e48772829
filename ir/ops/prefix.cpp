// Prefix operators: a state carried along an axis. Each definition is a guarded reduction over all
// places; the kernel form takes one step a place.

#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;

int AxisOf(const OpContext& op) {
  return KnownAxis(op.attributes.Int("axis"), op.operands[0].rank());
}

Result<std::vector<TensorType>> InferPrefix(const OpContext& op) {
  const auto axis = NormalAxis(op.attributes.Int("axis"), op.operands[0].rank());
  if (!axis) return std::unexpected(axis.error());
  for (const TensorType& other : op.operands)
    if (other.shape != op.shape(0))
      return Error("operands must have one shape, not {} and {}", ToString(op.shape(0)),
                   ToString(other.shape));
  return std::vector<TensorType>{op.operands[0]};
}

Scalar Number(DType dtype, int value) {
  return Info(dtype).is_float ? ConstantScalar(dtype, value) : ConstantInt(dtype, value);
}

/// Axes [x's..., | places along the axis in the order of the steps]. Operand r is read at that
/// place if the state of the result's place has seen it, and is `outside[r]`, which changes
/// nothing, if it has not.
TensorExpr PrefixNest(const OpContext& op, std::span<const int> outside) {
  const int rank = op.operands[0].rank(), axis = AxisOf(op);
  const int64_t extent = op.shape(0)[axis];
  TensorExpr expr{.axes = op.shape(0), .rank = rank};
  expr.axes.push_back(extent);
  const bool reverse = op.attributes.Bool("reverse");
  const Index place = reverse ? Axis(rank) * -1 + ConstantIndex(extent - 1) : Axis(rank);
  const Index ahead = reverse ? place + Axis(axis) * -1 : Axis(axis) + place * -1;
  const Index guard = op.attributes.Bool("exclusive") ? ahead + ConstantIndex(-1) : ahead;
  for (size_t i = 0; i < outside.size(); ++i) {
    Read read{.operand = static_cast<int>(i), .coordinates = AxisRange(0, rank)};
    read.coordinates[axis] = place;
    read.guards = {{guard, extent}};
    read.outside = Number(op.dtype(0), outside[i]);
    expr.reads.push_back(std::move(read));
  }
  expr.results = {Accumulator(0, op.dtype(0))};
  return expr;
}

template <ScalarOp kOp, int kNeutral>
TensorExpr DefineCumulative(const OpContext& op) {
  const DType dtype = op.dtype(0);
  TensorExpr expr = PrefixNest(op, std::array{kNeutral});
  const Scalar state = Accumulator(0, dtype);
  expr.reducer = {.init = {Number(dtype, kNeutral)},
                  .step = {Call(kOp, {state, ReadScalar(0, dtype)})},
                  .combine = {Call(kOp, {state, Other(0, dtype)})}};
  return expr;
}

/// The states are y and the product of a, since parts combine as affine maps.
TensorExpr DefineRecurrence(const OpContext& op) {
  const DType dtype = op.dtype(0);
  TensorExpr expr = PrefixNest(op, std::array{1, 0});
  const Scalar a = ReadScalar(0, dtype), b = ReadScalar(1, dtype);
  const Scalar y = Accumulator(0, dtype), product = Accumulator(1, dtype);
  const Scalar later_y = Other(0, dtype), later_product = Other(1, dtype);
  expr.reducer = {.init = {Number(dtype, 0), Number(dtype, 1)},
                  .step = {Call(kAdd, {Call(kMul, {a, y}), b}), Call(kMul, {product, a})},
                  .combine = {Call(kAdd, {Call(kMul, {later_product, y}), later_y}),
                              Call(kMul, {product, later_product})}};
  return expr;
}

// ---- gradients ---------------------------------------------------------------------------------

Expr Prefix(std::string_view name, const VjpContext& v, std::vector<Value> operands, bool exclusive,
            bool reverse) {
  return {v.b, v.b.Add(name, std::move(operands),
                       {{"axis", v.op.attributes.Int("axis")},
                        {"exclusive", exclusive},
                        {"reverse", reverse}})};
}

/// Element k + 1 at place k, in the order of the steps (`back`: k - 1), 0 behind the end.
Expr Shifted(const VjpContext& v, Expr x, bool back) {
  const int axis = AxisOf(v.op);
  const bool from_left = v.op.attributes.Bool("reverse") != back;
  std::vector<int64_t> low(x.rank(), 0), high = low;
  low[axis] = from_left ? 1 : -1;
  high[axis] = -low[axis];
  return {v.b, v.b.Add("pad_constant", {x}, {{"low", low}, {"high", high}})};
}

Values VjpCumsum(const VjpContext& v) {
  return {Prefix("cumsum", v, {v.gradient()}, v.op.attributes.Bool("exclusive"),
                 !v.op.attributes.Bool("reverse"))};
}

/// dx[t] = (product before t) * s[t] with s[t] = g[t] + x[t + 1] s[t + 1], from the end; where y
/// is exclusive, g[t + 1] stands for g[t]. No division, so zeros are as good as any.
Values VjpCumprod(const VjpContext& v) {
  const bool exclusive = v.op.attributes.Bool("exclusive");
  const bool reverse = v.op.attributes.Bool("reverse");
  const Expr before = Prefix("cumprod", v, {v.operands[0]}, true, reverse);
  const Expr factors = Shifted(v, Operand(v, 0), false);
  const Expr g = exclusive ? Shifted(v, Gradient(v), false) : Gradient(v);
  return {before * Prefix("linear_recurrence", v, {factors, g}, false, !reverse)};
}

/// The adjoint state s[t] = g[t] + a[t + 1] s[t + 1] is db; da = s[t] y[t - 1].
Values VjpRecurrence(const VjpContext& v) {
  const bool exclusive = v.op.attributes.Bool("exclusive");
  const Expr factors = Shifted(v, Operand(v, 0), false);
  const Expr g = exclusive ? Shifted(v, Gradient(v), false) : Gradient(v);
  const Expr adjoint =
      Prefix("linear_recurrence", v, {factors, g}, false, !v.op.attributes.Bool("reverse"));
  return {adjoint * (exclusive ? ResultOf(v) : Shifted(v, ResultOf(v), true)), adjoint};
}

std::vector<AttributeSpec> PrefixAttributes() {
  return {{"axis", AttributeKind::kInt, Attribute(int64_t{-1}),
           "axis to run along, negative ones count from the end"},
          {"exclusive", AttributeKind::kBool, Attribute(false),
           "leave the element itself out: the first result is that of no elements"},
          {"reverse", AttributeKind::kBool, Attribute(false), "from the end to the front"}};
}

}  // namespace

std::span<const OpDef> PrefixOps() {
  static const std::array kOps = {
      OpDef{.name = "cumsum",
            .doc = "Running sums along an axis.\n\n`y[t] = x[0] + ... + x[t]`, without x[t] if "
                   "exclusive, from the end if reverse; added in this order. As PyTorch's cumsum "
                   "and ONNX CumSum. Gradient: the running sums of `g` the other way.",
            .example = "cumsum([1, 2, 3]) = [1, 3, 6]",
            .signature = {.operands = {{"x", DTypeClass::kNumeric}},
                          .attributes = PrefixAttributes()},
            .infer = InferPrefix,
            .define = DefineCumulative<kAdd, 0>,
            .form = KernelForm::kPrefix,
            .vjp = VjpCumsum},
      OpDef{.name = "cumprod",
            .doc = "Running products along an axis.\n\n`y[t] = x[0] * ... * x[t]`, without x[t] "
                   "if exclusive, from the end if reverse; multiplied in this order "
                   "(torch.cumprod). Gradient: to `x[t]` the sum over all results s that hold it "
                   "of `g[s]` times the other factors of `y[s]`, without a division, so it is "
                   "right where elements are 0, too.",
            .example = "cumprod([1, 2, 3, 4]) = [1, 2, 6, 24]",
            .signature = {.operands = {{"x", DTypeClass::kNumeric}},
                          .attributes = PrefixAttributes()},
            .infer = InferPrefix,
            .define = DefineCumulative<kMul, 1>,
            .form = KernelForm::kPrefix,
            .vjp = VjpCumprod},
      OpDef{.name = "linear_recurrence",
            .doc = "A state that is scaled and added to, step by step.\n\n`y[t] = a[t] y[t - 1] + "
                   "b[t]` along an axis with `y[-1] = 0`; from the end if reverse: discounted "
                   "returns are the reverse recurrence of rewards with a constant a. Exclusive "
                   "gives `y[t - 1]` in place t (Blelloch, Prefix sums and their applications, "
                   "1990). Gradient: the adjoint recurrence `s[t] = g[t] + a[t + 1] s[t + 1]` to "
                   "b, `s[t] y[t - 1]` to a.",
            .example = "linear_recurrence([0.5, 2, 0], [1, 2, 3]) = [1, 4, 3]",
            .signature = {.operands = {{"a", DTypeClass::kNumeric}, {"b", DTypeClass::kNumeric}},
                          .attributes = PrefixAttributes()},
            .infer = InferPrefix,
            .define = DefineRecurrence,
            .form = KernelForm::kPrefix,
            .vjp = VjpRecurrence},
  };
  return kOps;
}

}  // namespace descent
