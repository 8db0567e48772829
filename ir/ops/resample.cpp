#include "ir/ops/resample.h"

#include <array>

#include "ir/index_map.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"
#include "ir/ops/spatial.h"

namespace descent {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

namespace {

Attributes StepAttributes(int axis, int64_t size, const FractionalStep& step) {
  return {{"axis", int64_t{axis}},
          {"size", size},
          {"step", step.step},
          {"offset", step.offset},
          {"divisor", step.divisor}};
}

}  // namespace

std::vector<Expr> CubicWeights(Expr t, double a) {
  const auto near = [&](Expr d) { return ((a + 2) * d - (a + 3)) * d * d + 1.0; };
  const auto far = [&](Expr d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)};
}

Expr FractionalUnfold(Expr x, int axis, int64_t size, int64_t kernel, const FractionalStep& step) {
  Attributes attributes = StepAttributes(axis, size, step);
  attributes.Set("kernel", kernel);
  return {x.builder(), x.builder().Add("fractional_unfold", {x}, std::move(attributes))};
}

Expr FractionalFold(Expr windows, int axis, int64_t size, const FractionalStep& step) {
  return {windows.builder(),
          windows.builder().Add("fractional_fold", {windows}, StepAttributes(axis, size, step))};
}

namespace {

using enum ScalarOp;

FractionalStep StepOf(const OpContext& op) {
  return {op.attributes.Int("step"), op.attributes.Int("offset"), op.attributes.Int("divisor")};
}

/// The axis among `rank` ones, of attributes within their limits.
Result<int> CheckedAxis(const OpContext& op, int rank) {
  const FractionalStep step = StepOf(op);
  const int64_t size = op.attributes.Int("size");
  for (const auto& [name, value] :
       {std::pair{"step", step.step}, std::pair{"divisor", step.divisor}})
    if (value < 1 || value > kMaxFraction)
      return Error("{} must be between 1 and {}, not {}", name, kMaxFraction, value);
  if (step.offset > kMaxFraction * kMaxResampled / 4 ||
      step.offset < -(kMaxFraction * kMaxResampled / 4))
    return Error("offset {} is too large", step.offset);
  if (size < 0 || size > kMaxResampled)
    return Error("size must be between 0 and {}, not {}", kMaxResampled, size);
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), rank));
  if (op.shape(0)[axis] > kMaxResampled)
    return Error("axis {} of x {} is longer than {}", axis, ToString(op.shape(0)), kMaxResampled);
  return axis;
}

Index WindowStart(const FractionalStep& step, const Index& i) {
  return FloorDiv(i * step.step + ConstantIndex(step.offset), step.divisor);
}

// ---- unfold ------------------------------------------------------------------------------------

Shape UnfoldedShape(const OpContext& op, int axis) {
  Shape shape = op.shape(0);
  shape[axis] = op.attributes.Int("size");
  shape.push_back(op.attributes.Int("kernel"));
  return shape;
}

Result<std::vector<TensorType>> InferUnfold(const OpContext& op) {
  DESCENT_TRY(axis, CheckedAxis(op, op.operands[0].rank()));
  const int64_t kernel = op.attributes.Int("kernel");
  if (kernel < 1 || kernel > kMaxResampled)
    return Error("kernel must be between 1 and {}, not {}", kMaxResampled, kernel);
  return OneResult(op.dtype(0), UnfoldedShape(op, axis));
}

TensorExpr DefineUnfold(const OpContext& op) {
  const int rank = op.operands[0].rank(), axis = KnownAxis(op.attributes.Int("axis"), rank);
  TensorExpr expr = Moved(op, UnfoldedShape(op, axis), AxisRange(0, rank));
  Read& read = expr.reads[0];
  const Index place = WindowStart(StepOf(op), Axis(axis)) + Axis(rank);
  read.coordinates[axis] = place;
  read.guards = {{place, op.shape(0)[axis]}};
  read.outside = ConstantScalar(op.dtype(0), 0);
  return expr;
}

Values VjpUnfold(const VjpContext& v) {
  const int axis = KnownAxis(v.op.attributes.Int("axis"), v.op.operands[0].rank());
  return {FractionalFold(Gradient(v), axis, v.op.shape(0)[axis], StepOf(v.op))};
}

// ---- fold --------------------------------------------------------------------------------------

Shape FoldedShape(const OpContext& op, int axis) {
  Shape shape(op.shape(0).begin(), op.shape(0).end() - 1);
  shape[axis] = op.attributes.Int("size");
  return shape;
}

Result<std::vector<TensorType>> InferFold(const OpContext& op) {
  if (op.operands[0].rank() < 2)
    return Error("x must have windows and their elements, not {}", ToString(op.shape(0)));
  if (op.shape(0).back() < 1 || op.shape(0).back() > kMaxResampled)
    return Error("windows must have between 1 and {} elements, not {}", kMaxResampled,
                 op.shape(0).back());
  DESCENT_TRY(axis, CheckedAxis(op, op.operands[0].rank() - 1));
  return OneResult(op.dtype(0), FoldedShape(op, axis));
}

/// Axes [result... | k, t]: window element k lies at place j if the window begins at j - k, which
/// windows i0, i0 + 1, ... do, at most ceil(divisor / step) of them.
TensorExpr DefineFold(const OpContext& op) {
  const int rank = op.operands[0].rank() - 1, axis = KnownAxis(op.attributes.Int("axis"), rank);
  const FractionalStep step = StepOf(op);
  const DType dtype = op.dtype(0);
  TensorExpr expr{.axes = FoldedShape(op, axis), .rank = rank};
  expr.axes.push_back(op.shape(0).back());
  expr.axes.push_back((step.divisor + step.step - 1) / step.step);
  const Index scaled = (Axis(axis) + Axis(rank) * -1) * step.divisor + ConstantIndex(-step.offset);
  const Index i = FloorDiv(scaled + ConstantIndex(step.step - 1), step.step) + Axis(rank + 1);
  Read read{.operand = 0, .coordinates = AxisRange(0, rank)};
  read.coordinates[axis] = i;
  read.coordinates.push_back(Axis(rank));
  read.guards = {{i, op.shape(0)[axis]}, {i * step.step + scaled * -1, step.divisor}};
  read.outside = ConstantScalar(dtype, 0);
  expr.reads = {std::move(read)};
  const Scalar sum = Accumulator(0, dtype);
  expr.reducer = {.init = {ConstantScalar(dtype, 0)},
                  .step = {Call(kAdd, {sum, ReadScalar(0, dtype)})},
                  .combine = {Call(kAdd, {sum, Other(0, dtype)})}};
  expr.results = {sum};
  return expr;
}

Values VjpFold(const VjpContext& v) {
  const int axis = KnownAxis(v.op.attributes.Int("axis"), v.op.operands[0].rank() - 1);
  return {
      FractionalUnfold(Gradient(v), axis, v.op.shape(0)[axis], v.op.shape(0).back(), StepOf(v.op))};
}

// ---- literals ----------------------------------------------------------------------------------

AttributeSpec IntAttribute(std::string_view name, std::optional<Attribute> value,
                           std::string_view doc) {
  return {name, AttributeKind::kInt, std::move(value), doc};
}

std::vector<AttributeSpec> StepSpecs(std::string_view size) {
  return {
      IntAttribute("axis", {}, "axis that windows slide over, negative ones count from the end"),
      IntAttribute("size", {}, size),
      IntAttribute("step", Attribute(int64_t{1}), "numerator of the distance of windows"),
      IntAttribute("divisor", Attribute(int64_t{1}), "denominator of that distance"),
      IntAttribute("offset", Attribute(int64_t{0}), "added before the division")};
}

}  // namespace

std::span<const OpDef> ResampleOps() {
  static const std::array kOps = [] {
    OpDef unfold{
        .name = "fractional_unfold",
        .doc =
            "Windows at a fractional distance along one axis.\n\n`y[..., i, ..., k] = x[..., "
            "floor((i * step + offset) / divisor) + k, ...]` and 0 outside of x; window elements "
            "stand along a new last axis. What resize and adaptive pools are made of "
            "(docs/design.md, What is primitive, and why). Gradient: fractional_fold of `g`.",
        .example =
            "fractional_unfold([1, 2, 3], axis=0, size=5, step=3, divisor=5) = "
            "[[1], [1], [2], [2], [3]]",
        .signature = {.operands = {{"x", DTypeClass::kNumeric}},
                      .attributes = StepSpecs("number of windows")},
        .infer = InferUnfold,
        .define = DefineUnfold,
        .vjp = VjpUnfold};
    unfold.signature.attributes.push_back(
        IntAttribute("kernel", Attribute(int64_t{1}), "elements of a window"));
    return std::array{
        unfold,
        OpDef{.name = "fractional_fold",
              .doc = "Windows at a fractional distance added up along one axis: the adjoint of "
                     "fractional_unfold.\n\nx is [..., windows, ..., elements of a window], the "
                     "result [..., size, ...]; what lies outside is dropped (docs/design.md, What "
                     "is primitive, and why). Gradient: fractional_unfold of `g`.",
              .example = "fractional_fold([[1], [2], [3], [4], [5]], axis=0, size=3, step=3, "
                         "divisor=5) = [3, 7, 5]",
              .signature = {.operands = {{"x", DTypeClass::kNumeric}},
                            .attributes = StepSpecs("extent of the axis that windows come from")},
              .infer = InferFold,
              .define = DefineFold,
              .vjp = VjpFold}};
  }();
  return kOps;
}

}  // namespace descent
