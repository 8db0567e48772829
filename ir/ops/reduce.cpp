// Reductions over any axes.

#include <algorithm>
#include <array>
#include <limits>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;

const std::vector<AttributeSpec> kReduceAttributes = {
    {"axes", AttributeKind::kInts, Attribute(std::vector<int64_t>{}),
     "axes to reduce, negative ones count from the end; empty: all"},
    {"keepdims", AttributeKind::kBool, Attribute(false), "keep reduced axes with extent 1"}};

Signature ReduceSignature(DTypeClass dtypes) {
  return {.operands = {{"x", dtypes}}, .attributes = kReduceAttributes};
}

/// `shape` with the extents of `axes` dropped or set to 1.
Shape ReducedShape(const Shape& shape, const std::vector<int>& axes, bool keepdims) {
  Shape result;
  for (int i = 0; i < static_cast<int>(shape.size()); ++i) {
    if (!std::ranges::binary_search(axes, i)) {
      result.push_back(shape[i]);
    } else if (keepdims) {
      result.push_back(1);
    }
  }
  return result;
}

Result<std::vector<TensorType>> InferReduce(const OpContext& op) {
  DESCENT_TRY(axes, NormalAxes(op.attributes.Ints("axes"), op.operands[0].rank()));
  return OneResult(op.dtype(0), ReducedShape(op.shape(0), axes, op.attributes.Bool("keepdims")));
}

Result<std::vector<TensorType>> InferArgMax(const OpContext& op) {
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[0].rank()));
  if (op.shape(0)[axis] == 0)
    return Error("axis {} of {} has no elements to choose from", axis, ToString(op.shape(0)));
  return OneResult(DType::kI64, ReducedShape(op.shape(0), {axis}, op.attributes.Bool("keepdims")));
}

/// Axes of the result, then the reduced ones; one read of the operand, no reducer yet.
TensorExpr ReductionNest(const Shape& shape, const std::vector<int>& axes, bool keepdims) {
  TensorExpr expr{.axes = ReducedShape(shape, axes, keepdims)};
  expr.rank = static_cast<int>(expr.axes.size());
  Read read{.operand = 0};
  int parallel = 0;
  for (int i = 0; i < static_cast<int>(shape.size()); ++i) {
    if (std::ranges::binary_search(axes, i)) {
      read.coordinates.push_back(Axis(static_cast<int>(expr.axes.size())));
      expr.axes.push_back(shape[i]);
      parallel += keepdims;
    } else {
      read.coordinates.push_back(Axis(parallel++));
    }
  }
  expr.reads = {std::move(read)};
  return expr;
}

TensorExpr Reduction(const OpContext& op, ScalarOp combine, Scalar init) {
  TensorExpr expr =
      ReductionNest(op.shape(0), KnownAxes(op.attributes.Ints("axes"), op.operands[0].rank()),
                    op.attributes.Bool("keepdims"));
  const DType dtype = op.dtype(0);
  const Scalar state = Accumulator(0, dtype);
  expr.reducer = {.init = {std::move(init)},
                  .step = {Call(combine, {state, ReadScalar(0, dtype)})},
                  .combine = {Call(combine, {state, Other(0, dtype)})}};
  expr.results = {state};
  return expr;
}

/// Below (sign < 0) or above every value of the dtype.
Scalar Extreme(DType dtype, int sign) {
  if (Info(dtype).is_float)
    return ConstantScalar(dtype, sign * std::numeric_limits<double>::infinity());
  return ConstantInt(dtype, sign < 0 ? LowestInteger(dtype) : HighestInteger(dtype));
}

TensorExpr DefineSum(const OpContext& op) {
  return Reduction(op, kAdd, ConstantScalar(op.dtype(0), 0));
}

TensorExpr DefineMean(const OpContext& op) {
  TensorExpr expr = DefineSum(op);
  const int64_t count = ElementsOf(expr.axes, expr.rank, static_cast<int>(expr.axes.size()));
  expr.results = {
      Call(kDiv, {expr.results[0], ConstantScalar(op.dtype(0), static_cast<double>(count))})};
  return expr;
}

TensorExpr DefineMax(const OpContext& op) { return Reduction(op, kMax, Extreme(op.dtype(0), -1)); }
TensorExpr DefineMin(const OpContext& op) { return Reduction(op, kMin, Extreme(op.dtype(0), 1)); }

/// Whether `later` replaces `best`: it is larger, or the first NaN.
Scalar Replaces(const Scalar& later, const Scalar& best) {
  Scalar larger = Call(kGt, {later, best});
  if (!Info(later->dtype).is_float) return larger;
  const Scalar later_is_nan = Call(kNe, {later, later}), best_is_number = Call(kEq, {best, best});
  return Call(kOr, {larger, Call(kAnd, {later_is_nan, best_is_number})});
}

TensorExpr DefineArgMax(const OpContext& op) {
  const int axis = KnownAxis(op.attributes.Int("axis"), op.operands[0].rank());
  TensorExpr expr = ReductionNest(op.shape(0), {axis}, op.attributes.Bool("keepdims"));
  const DType dtype = op.dtype(0);
  const Scalar best = Accumulator(0, dtype), place = Accumulator(1, DType::kI64);
  const auto choose = [&](const Scalar& later, const Scalar& later_place) {
    const Scalar replaces = Replaces(later, best);
    return std::vector{Call(kSelect, {replaces, later, best}),
                       Call(kSelect, {replaces, later_place, place})};
  };
  expr.reducer = {.init = {Extreme(dtype, -1), ConstantInt(DType::kI64, 0)},
                  .step = choose(ReadScalar(0, dtype), IndexScalar(Axis(expr.rank))),
                  .combine = choose(Other(0, dtype), Other(1, DType::kI64))};
  expr.results = {place};
  return expr;
}

/// `value`, a result of this reduction, with its reduced axes back as extents of 1.
Expr KeepDims(const VjpContext& v, Expr value) {
  return Reshape(
      value, ReducedShape(v.op.shape(0),
                          KnownAxes(v.op.attributes.Ints("axes"), v.op.operands[0].rank()), true));
}

Values VjpSum(const VjpContext& v) { return {KeepDims(v, Gradient(v))}; }

Values VjpMean(const VjpContext& v) {
  const int64_t results = std::max<int64_t>(1, v.b.type(v.results[0]).elements());
  const int64_t count = v.op.operands[0].elements() / results;
  return {KeepDims(v, Gradient(v) / static_cast<double>(count))};
}

Values VjpExtremum(const VjpContext& v) {
  const std::vector<int64_t>& axes = v.op.attributes.Ints("axes");
  const Expr x = Operand(v, 0);
  const Expr chosen = Equal(x, KeepDims(v, ResultOf(v)));
  const Expr count = Sum(CastTo(chosen, x.dtype()), axes, true);
  return {Where(chosen, KeepDims(v, Gradient(v)) / count, 0.0)};
}

// ---- padded rows -------------------------------------------------------------------------------

Values SumOfValid(const MaskContext& m) {
  const Expr x(m.b, m.operands[0]);
  return {Sum(Where({m.b, m.Mask(0)}, x, 0.0), m.op.attributes.Ints("axes"),
              m.op.attributes.Bool("keepdims"))};
}

Values MeanOfValid(const MaskContext& m) {
  const Shape& shape = m.op.shape(0);
  Shape reduced(shape.size(), 1);
  for (const int axis : KnownAxes(m.op.attributes.Ints("axes"), static_cast<int>(shape.size())))
    reduced[axis] = shape[axis];
  const Expr sum(m.b, SumOfValid(m)[0]);
  return {sum / ValidElements(m.b, reduced, m.batch_axes[0], m.valid_rows, m.op.dtype(0))};
}

/// x with padded rows below (sign < 0) or above all others.
Expr ValidOrExtreme(const MaskContext& m, int sign) {
  const Expr x(m.b, m.operands[0]);
  const Scalar extreme = Extreme(m.op.dtype(0), sign);
  const Tensor outside = Info(m.op.dtype(0)).is_float
                             ? Tensor::FromDoubles({m.op.dtype(0), {}}, {{extreme->number}})
                             : Tensor::FromInts({m.op.dtype(0), {}}, {{extreme->integer}});
  return Where({m.b, m.Mask(0)}, x, Expr(m.b, m.b.Constant(outside)));
}

template <int sign>
Values ExtremumOfValid(const MaskContext& m) {
  const Expr kept = ValidOrExtreme(m, -sign);
  const auto& axes = m.op.attributes.Ints("axes");
  const bool keepdims = m.op.attributes.Bool("keepdims");
  return {sign > 0 ? Max(kept, axes, keepdims) : Min(kept, axes, keepdims)};
}

/// Padding stands behind the valid rows, so among equals a valid row is the first.
Values ArgMaxOfValid(const MaskContext& m) {
  return {m.b.Add(
      "argmax", {ValidOrExtreme(m, -1)},
      {{"axis", m.op.attributes.Int("axis")}, {"keepdims", m.op.attributes.Bool("keepdims")}})};
}

}  // namespace

std::span<const OpDef> ReduceOps() {
  static const std::array kOps = {
      OpDef{.name = "sum",
            .doc = "Sum over axes.\n\n0 over no elements. Gradient: `g` to every element.",
            .signature = ReduceSignature(DTypeClass::kNumeric),
            .infer = InferReduce,
            .define = DefineSum,
            .vjp = VjpSum,
            .mask_rows = SumOfValid},
      OpDef{.name = "mean",
            .doc = "Arithmetic mean over axes.\n\nThe sum divided by the number of elements; NaN "
                   "over none. Gradient: `g / count` to every element.",
            .signature = ReduceSignature(DTypeClass::kFloat),
            .infer = InferReduce,
            .define = DefineMean,
            .vjp = VjpMean,
            .mask_rows = MeanOfValid},
      OpDef{.name = "max",
            .doc = "Largest element over axes.\n\nNaN if any is NaN; over no elements the lowest "
                   "value of the type. Gradient: `g` to the largest, in equal shares where there "
                   "are several.",
            .signature = ReduceSignature(DTypeClass::kNumeric),
            .infer = InferReduce,
            .define = DefineMax,
            .vjp = VjpExtremum,
            .mask_rows = ExtremumOfValid<1>},
      OpDef{.name = "min",
            .doc = "Smallest element over axes.\n\nNaN if any is NaN; over no elements the highest "
                   "value of the type. Gradient: `g` to the smallest, in equal shares where there "
                   "are several.",
            .signature = ReduceSignature(DTypeClass::kNumeric),
            .infer = InferReduce,
            .define = DefineMin,
            .vjp = VjpExtremum,
            .mask_rows = ExtremumOfValid<-1>},
      OpDef{.name = "argmax",
            .doc = "Position of the largest element along an axis, i64.\n\nThe first of several; "
                   "a NaN counts as larger than every number.",
            .signature = {.operands = {{"x", DTypeClass::kNumeric}},
                          .attributes = {{"axis", AttributeKind::kInt, Attribute(int64_t{-1}),
                                          "axis to search, negative ones count from the end"},
                                         kReduceAttributes[1]}},
            .infer = InferArgMax,
            .define = DefineArgMax,
            .no_gradient = "the result is an integer",
            .mask_rows = ArgMaxOfValid},
  };
  return kOps;
}

}  // namespace descent
