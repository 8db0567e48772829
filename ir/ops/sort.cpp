// Sorting: the primitive gives every element its place in the sorted order; the others move
// elements to these places.

#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;
using Operands = std::span<const Value>;

AttributeSpec AxisAttribute() {
  return {"axis", AttributeKind::kInt, Attribute(int64_t{-1}),
          "axis to sort along, negative ones count from the end"};
}

AttributeSpec DescendingAttribute() {
  return {"descending", AttributeKind::kBool, Attribute(false),
          "largest first; equal elements keep their order"};
}

Signature SortSignature() {
  return {.operands = {{"x", DTypeClass::kNumeric}},
          .attributes = {AxisAttribute(), DescendingAttribute()}};
}

int AxisOf(const OpContext& op) {
  return KnownAxis(op.attributes.Int("axis"), op.operands[0].rank());
}

Result<std::vector<TensorType>> InferRank(const OpContext& op) {
  const auto axis = NormalAxis(op.attributes.Int("axis"), op.operands[0].rank());
  if (!axis) return std::unexpected(axis.error());
  return OneResult(DType::kI64, op.shape(0));
}

/// Whether a comes before b in rising order: a NaN behind all numbers.
Scalar Before(const Scalar& a, const Scalar& b) {
  Scalar less = Call(kLt, {a, b});
  if (!Info(a->dtype).is_float) return less;
  const Scalar b_is_nan = Call(kNe, {b, b}), a_is_number = Call(kEq, {a, a});
  return Call(kOr, {less, Call(kAnd, {b_is_nan, a_is_number})});
}

/// Axes [x's..., | others along the axis]: counts the others that come before an element, equal
/// ones if they stand before it.
TensorExpr DefineRank(const OpContext& op) {
  const int rank = op.operands[0].rank(), axis = AxisOf(op);
  TensorExpr expr{.axes = op.shape(0), .rank = rank};
  expr.axes.push_back(op.shape(0)[axis]);
  expr.reads.assign(2, {.operand = 0, .coordinates = AxisRange(0, rank)});
  expr.reads[1].coordinates[axis] = Axis(rank);
  const Scalar own = ReadScalar(0, op.dtype(0)), other = ReadScalar(1, op.dtype(0));
  const bool descending = op.attributes.Bool("descending");
  const Scalar before = descending ? Before(own, other) : Before(other, own);
  const Scalar behind = descending ? Before(other, own) : Before(own, other);
  const Scalar earlier = Call(kLt, {IndexScalar(Axis(rank)), IndexScalar(Axis(axis))});
  const Scalar counts = Call(
      kOr, {before, Call(kAnd, {earlier, Call(kXor, {behind, ConstantInt(DType::kBool, 1)})})});
  const Scalar count = Accumulator(0, DType::kI64);
  expr.reducer = {.init = {ConstantInt(DType::kI64, 0)},
                  .step = {Call(kAdd, {count, Cast(DType::kI64, counts)})},
                  .combine = {Call(kAdd, {count, Other(0, DType::kI64)})}};
  expr.results = {count};
  return expr;
}

Expr RankOf(Expr x, int64_t axis, bool descending) {
  return {x.builder(),
          x.builder().Add("sort_rank", {x}, {{"axis", axis}, {"descending", descending}})};
}

Expr ArgSort(Expr x, int64_t axis, bool descending) {
  return {x.builder(),
          x.builder().Add("argsort", {x}, {{"axis", axis}, {"descending", descending}})};
}

Expr GatherElements(Expr x, Expr indices, int64_t axis) {
  return {x.builder(), x.builder().Add("gather_elements", {x, indices}, {{"axis", axis}})};
}

/// Every element's own place goes to where the element goes.
Values ExpandArgSort(GraphBuilder& b, const OpContext& op, Operands x) {
  const int axis = AxisOf(op);
  const Expr rank = RankOf({b, x[0]}, axis, op.attributes.Bool("descending"));
  const Expr zeros = Filled(b, op.shape(0), DType::kI64, 0);
  return {b.Add("scatter", {zeros, rank, Iota(b, op.shape(0), axis, DType::kI64)},
                {{"axis", int64_t{axis}}})};
}

Result<std::vector<TensorType>> InferSort(const OpContext& op) {
  DESCENT_TRY(indices, InferRank(op));
  return std::vector<TensorType>{op.operands[0], indices[0]};
}

Values ExpandSort(GraphBuilder& b, const OpContext& op, Operands x) {
  const Expr indices = ArgSort({b, x[0]}, AxisOf(op), op.attributes.Bool("descending"));
  return {GatherElements({b, x[0]}, indices, AxisOf(op)), indices};
}

/// An element's gradient stands where the element has gone.
Values VjpSort(const VjpContext& v) {
  const Expr rank = RankOf(Operand(v, 0), AxisOf(v.op), v.op.attributes.Bool("descending"));
  return {GatherElements(Gradient(v), rank, AxisOf(v.op))};
}

// ---- top_k -------------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferTopK(const OpContext& op) {
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[0].rank()));
  Shape shape = op.shape(0);
  const int64_t k = op.attributes.Int("k");
  if (k < 0 || k > shape[axis])
    return Error("k must be between 0 and {}, the extent of axis {}, not {}", shape[axis], axis, k);
  shape[axis] = k;
  return std::vector<TensorType>{{op.dtype(0), shape}, {DType::kI64, shape}};
}

Values ExpandTopK(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]);
  const int axis = AxisOf(op);
  const Expr order = ArgSort(x, axis, op.attributes.Bool("largest"));
  Expr chosen = SliceAxis(order, axis, 0, op.attributes.Int("k"));
  if (!op.attributes.Bool("sorted"))
    chosen = {b, b.Add("sort", {chosen}, {{"axis", int64_t{axis}}})};
  return {GatherElements(x, chosen, axis), chosen};
}

}  // namespace

std::span<const OpDef> SortOps() {
  static const std::array kOps = {
      OpDef{.name = "sort",
            .doc = "Elements in order along an axis, and where they stood.\n\n`values[t] = "
                   "x[indices[t]]` along the axis, rising or, with `descending`, falling. Stable: "
                   "equal elements keep their order, -0 and 0 are equal. NaN counts as larger "
                   "than all numbers. As PyTorch's stable sort. Gradient of the values: `g` moved "
                   "back; the order itself is taken as constant.",
            .example = "sort([3, 1, 2]) = [1, 2, 3], [1, 2, 0]",
            .signature = {.operands = {{"x", DTypeClass::kNumeric}},
                          .attributes = {AxisAttribute(), DescendingAttribute()},
                          .results = {"values", "indices"}},
            .infer = InferSort,
            .expand = ExpandSort,
            .meets_along = "axis",
            .vjp = VjpSort},
      OpDef{.name = "argsort",
            .doc = "Places of the elements in sorted order along an axis, i64.\n\n`x[y[0]], "
                   "x[y[1]], ...` is sorted. Stable; NaN counts as larger than all numbers "
                   "(torch.argsort with `stable`).",
            .example = "argsort([3, 1, 2]) = [1, 2, 0]",
            .signature = SortSignature(),
            .infer = InferRank,
            .expand = ExpandArgSort,
            .meets_along = "axis",
            .no_gradient = "the result is an integer"},
      OpDef{.name = "sort_rank",
            .doc = "Place that each element takes when its axis is sorted, i64.\n\nThe number of "
                   "elements that come before it, equal ones if they stand before it: the inverse "
                   "permutation of argsort (numpy.argsort of numpy.argsort, both stable). NaN "
                   "counts as larger than all numbers. Sorted by merging, not by this count.",
            .example = "sort_rank([3, 1, 2]) = [2, 0, 1]",
            .signature = SortSignature(),
            .infer = InferRank,
            .define = DefineRank,
            .form = KernelForm::kSort,
            .no_gradient = "the result is an integer"},
      OpDef{.name = "top_k",
            .doc = "The k largest or smallest elements along an axis, and where they "
                   "stand.\n\n`values[t] = x[indices[t]]` along the axis. Of equal elements the "
                   "first ones. NaN counts as larger than all numbers. `sorted` gives them in "
                   "order of value, else in the order that they have in x (torch.topk, ONNX "
                   "TopK). Gradient of the values: `g` added at the places of the chosen elements.",
            .example = "top_k([3, 1, 2], k=2) = [3, 2], [0, 2]",
            .signature = {.operands = {{"x", DTypeClass::kNumeric}},
                          .attributes = {{"k", AttributeKind::kInt, std::nullopt,
                                          "number of elements, at most the extent"},
                                         AxisAttribute(),
                                         {"largest", AttributeKind::kBool, Attribute(true),
                                          "largest first, else smallest"},
                                         {"sorted", AttributeKind::kBool, Attribute(true),
                                          "in order of value, else of place"}},
                          .results = {"values", "indices"}},
            .infer = InferTopK,
            .expand = ExpandTopK,
            .meets_along = "axis"},
  };
  return kOps;
}

}  // namespace descent
