// Reductions over any axes.

#include <algorithm>
#include <array>
#include <limits>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/reduction.h"
#include "ir/ops/shapes.h"

namespace descent {

using enum ScalarOp;
using Values = std::vector<Value>;

std::vector<AttributeSpec> ReduceAttributes() {
  return {{"axes", AttributeKind::kInts, Attribute(std::vector<int64_t>{}),
           "axes to reduce, negative ones count from the end; empty: all"},
          {"keepdims", AttributeKind::kBool, Attribute(false), "keep reduced axes with extent 1"}};
}

Signature ReduceSignature(DTypeClass dtypes, std::vector<AttributeSpec> more) {
  std::vector<AttributeSpec> attributes = std::move(more);
  std::ranges::move(ReduceAttributes(), std::back_inserter(attributes));
  return {.operands = {{"x", dtypes}}, .attributes = std::move(attributes)};
}

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

Expr KeepDims(const VjpContext& v, Expr value) {
  return Reshape(
      value, ReducedShape(v.op.shape(0),
                          KnownAxes(v.op.attributes.Ints("axes"), v.op.operands[0].rank()), true));
}

Scalar Extreme(DType dtype, int sign) {
  if (Info(dtype).is_float)
    return ConstantScalar(dtype, sign * std::numeric_limits<double>::infinity());
  return ConstantInt(dtype, sign < 0 ? LowestInteger(dtype) : HighestInteger(dtype));
}

int64_t ReducedCount(const OpContext& op) {
  int64_t count = 1;
  for (const int axis : KnownAxes(op.attributes.Ints("axes"), op.operands[0].rank()))
    count *= op.shape(0)[axis];
  return count;
}

Expr ValidCount(const MaskContext& m) {
  const Shape& shape = m.op.shape(0);
  Shape reduced(shape.size(), 1);
  for (const int axis : KnownAxes(m.op.attributes.Ints("axes"), static_cast<int>(shape.size())))
    reduced[axis] = shape[axis];
  return ValidElements(m.b, reduced, m.batch_axes[0], m.valid_rows, m.op.dtype(0));
}

namespace {

Result<std::vector<TensorType>> InferPlace(const OpContext& op) {
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

TensorExpr DefineSum(const OpContext& op) {
  return Reduction(op, kAdd, ConstantScalar(op.dtype(0), 0));
}

TensorExpr DefineAny(const OpContext& op) {
  return Reduction(op, kOr, ConstantInt(DType::kBool, 0));
}
TensorExpr DefineAll(const OpContext& op) {
  return Reduction(op, kAnd, ConstantInt(DType::kBool, 1));
}

TensorExpr DefineMean(const OpContext& op) {
  TensorExpr expr = DefineSum(op);
  const int64_t count = ElementsOf(expr.axes, expr.rank, static_cast<int>(expr.axes.size()));
  expr.results = {
      Call(kDiv, {expr.results[0], ConstantScalar(op.dtype(0), static_cast<double>(count))})};
  return expr;
}

TensorExpr DefineProd(const OpContext& op) {
  const DType dtype = op.dtype(0);
  return Reduction(op, kMul,
                   Info(dtype).is_float ? ConstantScalar(dtype, 1) : ConstantInt(dtype, 1));
}

TensorExpr DefineMax(const OpContext& op) { return Reduction(op, kMax, Extreme(op.dtype(0), -1)); }
TensorExpr DefineMin(const OpContext& op) { return Reduction(op, kMin, Extreme(op.dtype(0), 1)); }

/// Whether `later` replaces `best`: it is `better` (kGt or kLt), or the first NaN.
Scalar Replaces(ScalarOp better, const Scalar& later, const Scalar& best) {
  Scalar replaces = Call(better, {later, best});
  if (!Info(later->dtype).is_float) return replaces;
  const Scalar later_is_nan = Call(kNe, {later, later}), best_is_number = Call(kEq, {best, best});
  return Call(kOr, {replaces, Call(kAnd, {later_is_nan, best_is_number})});
}

/// The place of the largest (sign 1) or smallest (sign -1) element.
template <int sign>
TensorExpr DefinePlace(const OpContext& op) {
  const int axis = KnownAxis(op.attributes.Int("axis"), op.operands[0].rank());
  TensorExpr expr = ReductionNest(op.shape(0), {axis}, op.attributes.Bool("keepdims"));
  const DType dtype = op.dtype(0);
  const Scalar best = Accumulator(0, dtype), place = Accumulator(1, DType::kI64);
  const auto choose = [&](const Scalar& later, const Scalar& later_place) {
    const Scalar replaces = Replaces(sign > 0 ? kGt : kLt, later, best);
    return std::vector{Call(kSelect, {replaces, later, best}),
                       Call(kSelect, {replaces, later_place, place})};
  };
  expr.reducer = {.init = {Extreme(dtype, -sign), ConstantInt(DType::kI64, 0)},
                  .step = choose(ReadScalar(0, dtype), IndexScalar(Axis(expr.rank))),
                  .combine = choose(Other(0, dtype), Other(1, DType::kI64))};
  expr.results = {place};
  return expr;
}

Values VjpSum(const VjpContext& v) { return {KeepDims(v, Gradient(v))}; }

Values VjpMean(const VjpContext& v) {
  return {KeepDims(v, Gradient(v) / static_cast<double>(ReducedCount(v.op)))};
}

/// The product of all others is that of those before times that of those behind: no division, so
/// zeros are as good as any. Reduced axes come last, as one.
Values VjpProd(const VjpContext& v) {
  const std::vector<int> axes = KnownAxes(v.op.attributes.Ints("axes"), v.op.operands[0].rank());
  std::vector<int64_t> order, back;
  Shape kept, moved;
  for (int i = 0; i < v.op.operands[0].rank(); ++i)
    if (!std::ranges::binary_search(axes, i)) {
      order.push_back(i);
      kept.push_back(v.op.shape(0)[i]);
    }
  kept.push_back(ReducedCount(v.op));
  std::ranges::copy(axes, std::back_inserter(order));
  for (const int64_t i : order) moved.push_back(v.op.shape(0)[i]);
  for (int64_t i = 0; i < static_cast<int64_t>(order.size()); ++i)
    back.push_back(std::ranges::find(order, i) - order.begin());
  const Expr x = Reshape(Transpose(Operand(v, 0), std::move(order)), std::move(kept));
  const auto others = [&](bool behind) {
    return Expr(v.b, v.b.Add("cumprod", {x}, {{"exclusive", true}, {"reverse", behind}}));
  };
  const Expr product = Reshape(others(false) * others(true), std::move(moved));
  return {KeepDims(v, Gradient(v)) * Transpose(product, std::move(back))};
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

Values MeanOfValid(const MaskContext& m) { return {Expr(m.b, SumOfValid(m)[0]) / ValidCount(m)}; }

Values ProdOfValid(const MaskContext& m) {
  const Expr x(m.b, m.operands[0]);
  return {m.b.Add("prod", {Where({m.b, m.Mask(0)}, x, 1.0)}, m.op.attributes)};
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
template <int sign>
Values PlaceOfValid(const MaskContext& m) {
  return {m.b.Add(
      sign > 0 ? "argmax" : "argmin", {ValidOrExtreme(m, -sign)},
      {{"axis", m.op.attributes.Int("axis")}, {"keepdims", m.op.attributes.Bool("keepdims")}})};
}

Values AnyOfValid(const MaskContext& m) {
  return {m.b.Add("any", {And(Expr(m.b, m.Mask(0)), Expr(m.b, m.operands[0]))}, m.op.attributes)};
}

Values AllOfValid(const MaskContext& m) {
  const Expr padding = Not(Expr(m.b, m.Mask(0)));
  return {m.b.Add("all", {Or(padding, Expr(m.b, m.operands[0]))}, m.op.attributes)};
}

OpDef Place(std::string_view name, std::string_view doc, std::string_view example) {
  return {.name = name,
          .doc = doc,
          .example = example,
          .signature = {.operands = {{"x", DTypeClass::kNumeric}},
                        .attributes = {{"axis", AttributeKind::kInt, Attribute(int64_t{-1}),
                                        "axis to search, negative ones count from the end"},
                                       ReduceAttributes()[1]}},
          .infer = InferPlace,
          .no_gradient = "the result is an integer"};
}

}  // namespace

std::span<const OpDef> ReduceOps() {
  static const OpDef argmax = [] {
    OpDef op = Place("argmax",
                     "Position of the largest element along an axis, i64.\n\n`x[y] = max x`; the "
                     "first of several. A NaN counts as larger than every number (numpy.argmax).",
                     "argmax([[1, 5, 5], [3, 2, 1]]) = [1, 0]");
    op.define = DefinePlace<1>;
    op.mask_rows = PlaceOfValid<1>;
    return op;
  }();
  static const OpDef argmin = [] {
    OpDef op = Place("argmin",
                     "Position of the smallest element along an axis, i64.\n\n`x[y] = min x`; the "
                     "first of several. A NaN counts as smaller than every number (numpy.argmin).",
                     "argmin([[2, 1, 1], [3, 2, 4]]) = [1, 1]");
    op.define = DefinePlace<-1>;
    op.mask_rows = PlaceOfValid<-1>;
    return op;
  }();
  static const std::array kOps = {
      OpDef{.name = "sum",
            .doc = "Sum over axes.\n\n`y = sum x`; 0 over no elements (numpy.sum). Gradient: `g` "
                   "to every element.",
            .example = "sum([[1, 2], [3, 4]], axes=[0]) = [4, 6]",
            .signature = ReduceSignature(DTypeClass::kNumeric),
            .infer = InferReduce,
            .define = DefineSum,
            .vjp = VjpSum,
            .mask_rows = SumOfValid},
      OpDef{.name = "mean",
            .doc = "Arithmetic mean over axes.\n\n`y = sum x / n` of n elements; NaN of none "
                   "(numpy.mean). Gradient: `g / n` to every element.",
            .example = "mean([[1, 2], [3, 4]], axes=[1], keepdims=true) = [[1.5], [3.5]]",
            .signature = ReduceSignature(DTypeClass::kFloat),
            .infer = InferReduce,
            .define = DefineMean,
            .vjp = VjpMean,
            .mask_rows = MeanOfValid},
      OpDef{.name = "prod",
            .doc = "Product over axes.\n\n`y = x_1 * ... * x_n`; 1 over no elements (numpy.prod). "
                   "Gradient: `g` times the product of all other elements, right where some are "
                   "0, too.",
            .example = "prod([2, 3, 4]) = 24",
            .signature = ReduceSignature(DTypeClass::kNumeric),
            .infer = InferReduce,
            .define = DefineProd,
            .vjp = VjpProd,
            .mask_rows = ProdOfValid},
      OpDef{.name = "max",
            .doc = "Largest element over axes.\n\n`y = max x`; NaN if any is NaN; over no "
                   "elements -infinity, or the lowest integer of the type (torch.amax). Gradient: "
                   "`g` to the largest, in equal shares where there are several.",
            .example = "max([[1, 5], [3, 4]], axes=[1]) = [5, 4]",
            .signature = ReduceSignature(DTypeClass::kNumeric),
            .infer = InferReduce,
            .define = DefineMax,
            .vjp = VjpExtremum,
            .mask_rows = ExtremumOfValid<1>},
      OpDef{.name = "min",
            .doc = "Smallest element over axes.\n\n`y = min x`; NaN if any is NaN; over no "
                   "elements infinity, or the highest integer of the type (torch.amin). Gradient: "
                   "`g` to the smallest, in equal shares where there are several.",
            .example = "min([[1, 5], [3, 4]], axes=[-1]) = [1, 3]",
            .signature = ReduceSignature(DTypeClass::kNumeric),
            .infer = InferReduce,
            .define = DefineMin,
            .vjp = VjpExtremum,
            .mask_rows = ExtremumOfValid<-1>},
      OpDef{.name = "any",
            .doc = "Whether some element over axes is true.\n\n`y = x_1 or ... or x_n`; false "
                   "over no elements (numpy.any).",
            .example = "any(bool [true, false]) = true",
            .signature = ReduceSignature(DTypeClass::kBool),
            .infer = InferReduce,
            .define = DefineAny,
            .no_gradient = "the result is a bool",
            .mask_rows = AnyOfValid},
      OpDef{.name = "all",
            .doc = "Whether all elements over axes are true.\n\n`y = x_1 and ... and x_n`; true "
                   "over no elements (numpy.all).",
            .example = "all(bool [true, false]) = false",
            .signature = ReduceSignature(DTypeClass::kBool),
            .infer = InferReduce,
            .define = DefineAll,
            .no_gradient = "the result is a bool",
            .mask_rows = AllOfValid},
      argmax,
      argmin,
  };
  return kOps;
}

}  // namespace descent
