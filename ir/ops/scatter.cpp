// Scatters: updates put to places that come from data. scatter_rows is the primitive; the others
// number the places first.

#include "ir/ops/scatter.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/linear_index.h"
#include "ir/ops/reduction.h"
#include "ir/ops/shapes.h"

namespace descent {

using enum ScalarOp;

AttributeSpec ScatterReduceAttribute() {
  return {"reduce",
          AttributeKind::kString,
          Attribute(std::string("set")),
          "what becomes of an update and what stands at its place",
          {"set", "add", "mul", "min", "max"}};
}

std::optional<ScalarOp> ScatterCombine(const Attributes& attributes) {
  const std::string& reduce = attributes.String("reduce");
  if (reduce == "set") return std::nullopt;
  if (reduce == "add") return kAdd;
  if (reduce == "mul") return kMul;
  return reduce == "min" ? kMin : kMax;
}

namespace {

using Values = std::vector<Value>;
using Operands = std::span<const Value>;

Shape Joined(std::span<const int64_t> a, std::span<const int64_t> b) {
  Shape shape(a.begin(), a.end());
  shape.insert(shape.end(), b.begin(), b.end());
  return shape;
}

Result<void> CheckReduce(const OpContext& op) {
  if (op.dtype(0) == DType::kBool && ScatterCombine(op.attributes))
    return Error("reduce {} needs numbers, not bool", op.attributes.String("reduce"));
  return {};
}

// ---- scatter_rows ------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferScatterRows(const OpContext& op) {
  const std::span<const int64_t> x = op.shape(0);
  if (x.empty()) return Error("x must have an axis to index, not {}", ToString(op.operands[0]));
  const Shape expected = Joined(op.shape(1), x.subspan(1));
  if (op.shape(2) != expected)
    return Error("updates must be {}, the indices' shape and a row of x {}, not {}",
                 ToString(expected), ToString(op.shape(0)), ToString(op.shape(2)));
  DESCENT_RETURN_IF_ERROR(CheckReduce(op));
  return OneResult(op.dtype(0), op.shape(0));
}

Scalar Zero(DType dtype) {
  return Info(dtype).is_float ? ConstantScalar(dtype, 0) : ConstantInt(dtype, 0);
}

/// What changes nothing.
Scalar Neutral(ScalarOp combine, DType dtype) {
  if (combine == kMin || combine == kMax) return Extreme(dtype, combine == kMin ? 1 : -1);
  if (combine == kAdd) return Zero(dtype);
  return Info(dtype).is_float ? ConstantScalar(dtype, 1) : ConstantInt(dtype, 1);
}

/// Reads of an expression that goes through updates: 0 what stands at a place, 1 the index, 2 the
/// update, 3 x where the update goes, which reports an index out of range but is never used.
/// `hit`: the update belongs to the place.
void Combine(const OpContext& op, const Scalar& hit, TensorExpr& expr) {
  const DType dtype = op.dtype(0);
  const Scalar old = ReadScalar(0, dtype), state = Accumulator(0, dtype), later = Other(0, dtype);
  const auto if_hit = [&](const Scalar& neutral) {
    return Call(kSelect,
                {hit, ReadScalar(2, dtype), Call(kSelect, {hit, ReadScalar(3, dtype), neutral})});
  };
  if (const auto combine = ScatterCombine(op.attributes)) {
    const Scalar neutral = Neutral(*combine, dtype);
    expr.reducer = {.init = {neutral},
                    .step = {Call(*combine, {state, if_hit(neutral)})},
                    .combine = {Call(*combine, {state, later})}};
    expr.results = {Call(*combine, {old, state})};
    return;
  }
  const Scalar written = Accumulator(1, DType::kBool), rewritten = Other(1, DType::kBool);
  expr.reducer = {
      .init = {Zero(dtype), ConstantInt(DType::kBool, 0)},
      .step = {if_hit(state), Call(kOr, {written, hit})},
      .combine = {Call(kSelect, {rewritten, later, state}), Call(kOr, {written, rewritten})}};
  expr.results = {Call(kSelect, {written, state, old})};
}

/// Whether read 1 is the number of the place along an axis.
Scalar NamesPlace(const OpContext& op, int axis) {
  return Call(kEq, {Cast(DType::kI64, ReadScalar(1, op.dtype(1))), IndexScalar(Axis(axis))});
}

/// Axes [rows, row..., | updates...].
TensorExpr DefineScatterRows(const OpContext& op) {
  const int rank = op.operands[0].rank(), updates = op.operands[1].rank();
  TensorExpr expr{.axes = Joined(op.shape(0), op.shape(1)), .rank = rank};
  Read update{.operand = 2, .coordinates = AxisRange(rank, updates)};
  Read row{.operand = 0, .coordinates = {ReadIndex(1)}};
  for (const Index& index : AxisRange(1, rank - 1)) {
    update.coordinates.push_back(index);
    row.coordinates.push_back(index);
  }
  expr.reads = {{.operand = 0, .coordinates = AxisRange(0, rank)},
                {.operand = 1, .coordinates = AxisRange(rank, updates)},
                std::move(update),
                std::move(row)};
  Combine(op, NamesPlace(op, 0), expr);
  return expr;
}
/// Numbers of rows or updates as a tensor that broadcasts to rows or updates.
Expr AsColumn(Expr numbers, const Shape& whole) {
  Shape shape = numbers.shape();
  shape.resize(whole.size(), 1);
  return Reshape(numbers, std::move(shape));
}

/// The last update of a row gets the row's gradient; x where there is none.
Values VjpSet(const VjpContext& v) {
  const Expr g = Gradient(v), indices = Operand(v, 1);
  const Expr number = Reshape(Iota(v.b, {Elements(v.op.shape(1))}, 0, DType::kI64), v.op.shape(1));
  const Expr none = Filled(v.b, {v.op.shape(0)[0]}, DType::kI64, -1);
  const Expr last = ScatterRows(none, indices, number, "max");
  const Expr untouched = AsColumn(Equal(last, -1.0), v.op.shape(0));
  const Expr is_last = AsColumn(Equal(Gather(last, indices), number), v.op.shape(2));
  return {Where(untouched, g, 0.0), Value(), Where(is_last, Gather(g, indices), 0.0)};
}

/// An update's factor is the product of all others of its row. A single zero among them stays a
/// factor, so that this can be differentiated again; of more, nothing depends on any.
Values VjpMul(const VjpContext& v) {
  const Expr g = Gradient(v), x = Operand(v, 0), indices = Operand(v, 1), updates = Operand(v, 2);
  const Expr is_zero = Equal(updates, 0.0), factors = Where(is_zero, 1.0, updates);
  const Expr none = Filled(v.b, v.op.shape(0), v.op.dtype(0), 0);
  const Expr zeros = Gather(ScatterRows(none, indices, CastTo(is_zero, x.dtype()), "add"), indices);
  const Expr product = Gather(ScatterRows(x, indices, factors, "mul"), indices);
  const Expr other_zeros = zeros - CastTo(is_zero, x.dtype());
  const Expr null = Where(is_zero, updates, 0.0);
  const Expr other_null = Gather(ScatterRows(none, indices, null, "add"), indices) - null;
  const Expr rest = product / factors;
  const Expr others =
      Where(Equal(other_zeros, 0.0), rest, Where(Equal(other_zeros, 1.0), other_null * rest, 0.0));
  const Expr ones = Filled(v.b, v.op.shape(0), v.op.dtype(0), 1);
  return {g * ScatterRows(ones, indices, updates, "mul"), Value(), Gather(g, indices) * others};
}

/// In equal shares to all that have the result's value.
Values VjpExtremum(const VjpContext& v) {
  const Expr g = Gradient(v), y = ResultOf(v), indices = Operand(v, 1);
  const Expr kept = Equal(Operand(v, 0), y), chosen = Equal(Operand(v, 2), Gather(y, indices));
  const DType dtype = v.op.dtype(0);
  const Expr share = g / ScatterRows(CastTo(kept, dtype), indices, CastTo(chosen, dtype), "add");
  return {Where(kept, share, 0.0), Value(), Where(chosen, Gather(share, indices), 0.0)};
}

Values VjpScatterRows(const VjpContext& v) {
  const auto combine = ScatterCombine(v.op.attributes);
  if (!combine) return VjpSet(v);
  if (*combine == kMul) return VjpMul(v);
  if (*combine != kAdd) return VjpExtremum(v);
  return {v.gradient(), Value(), Gather(Gradient(v), Operand(v, 1))};
}

// ---- scatter -----------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferScatter(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckAlong(op));
  if (op.shape(2) != op.shape(1))
    return Error("updates {} must have the shape of indices {}", ToString(op.shape(2)),
                 ToString(op.shape(1)));
  DESCENT_RETURN_IF_ERROR(CheckReduce(op));
  return OneResult(op.dtype(0), op.shape(0));
}

/// Axes [x's..., | places of indices along the axis]. Beside what indices cover nothing hits.
TensorExpr DefineScatter(const OpContext& op) {
  const int rank = op.operands[0].rank(), axis = KnownAxis(op.attributes.Int("axis"), rank);
  TensorExpr expr{.axes = op.shape(0), .rank = rank};
  expr.axes.push_back(op.shape(1)[axis]);
  const std::vector<Index> point = AxisRange(0, rank);
  expr.reads = {{.operand = 0, .coordinates = point},
                {.operand = 1, .coordinates = point},
                {.operand = 2, .coordinates = point},
                {.operand = 0, .coordinates = point}};
  expr.reads[1].coordinates[axis] = expr.reads[2].coordinates[axis] = Axis(rank);
  expr.reads[3].coordinates[axis] = ReadIndex(1);
  Scalar hit = NamesPlace(op, axis);
  for (int i = 0; i < rank; ++i) {
    const int64_t covered = op.shape(1)[i];
    if (i == axis || covered == op.shape(0)[i]) continue;
    hit = Call(kAnd, {hit, Call(kLt, {IndexScalar(Axis(i)), ConstantInt(DType::kI64, covered)})});
    for (const int read : {1, 2, 3}) {
      expr.reads[read].guards.push_back({Axis(i), covered});
      expr.reads[read].outside = Zero(op.dtype(expr.reads[read].operand));
    }
  }
  Combine(op, hit, expr);
  return expr;
}

/// Scatters to rows of x seen as [rows, row...].
Values ScatterTo(const OpContext& op, Expr x, Shape rows, Expr places, Expr updates) {
  const Expr y =
      ScatterRows(Reshape(x, std::move(rows)), places, updates, op.attributes.String("reduce"));
  return {Reshape(y, op.shape(0))};
}

Values ExpandScatter(GraphBuilder& b, const OpContext& op, Operands x) {
  return ScatterTo(op, {b, x[0]}, {op.operands[0].elements()}, PlacesAlong(op, {b, x[1]}),
                   {b, x[2]});
}

// ---- scatter_nd --------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferScatterNd(const OpContext& op) {
  DESCENT_TRY(tuple, TupleLength(op, 0));
  const std::span<const int64_t> x = op.shape(0), indices = op.shape(1);
  const Shape expected = Joined(indices.first(indices.size() - 1), x.subspan(tuple));
  if (op.shape(2) != expected)
    return Error("updates must be {}, one slice of x {} for each tuple of indices {}, not {}",
                 ToString(expected), ToString(op.shape(0)), ToString(op.shape(1)),
                 ToString(op.shape(2)));
  DESCENT_RETURN_IF_ERROR(CheckReduce(op));
  return OneResult(op.dtype(0), op.shape(0));
}

Values ExpandScatterNd(GraphBuilder& b, const OpContext& op, Operands x) {
  const std::span<const int64_t> shape = op.shape(0);
  const auto tuple = static_cast<int>(op.shape(1).back());
  const int64_t rows = ElementsOf(op.shape(0), 0, tuple);
  return ScatterTo(op, {b, x[0]}, Joined(std::array{rows}, shape.subspan(tuple)),
                   PlacesOfTuples(op, {b, x[1]}, 0), {b, x[2]});
}

Signature ScatterSignature(std::vector<AttributeSpec> attributes = {}) {
  attributes.push_back(ScatterReduceAttribute());
  return {.operands = {{"x"}, {"indices", DTypeClass::kInteger, -1}, {"updates"}},
          .attributes = std::move(attributes)};
}

}  // namespace

std::span<const OpDef> ScatterOps() {
  static const std::array kOps = {
      OpDef{.name = "scatter",
            .doc = "Updates put to places along an axis, element by element.\n\n`y[.., "
                   "indices[i], ..] = updates[i]` for every place i of indices, which keeps its "
                   "other coordinates; indices and updates have x's rank and, beside the axis, at "
                   "most its extents. As PyTorch's scatter and scatter_reduce and ONNX "
                   "ScatterElements. With reduce add, mul, min or max the update is combined with "
                   "what stands there; with set the last update of a place wins. An update whose "
                   "index is out of range is dropped and reported. Gradient: as scatter_rows.",
            .example = "scatter([1, 2, 3], i64 [2, 0], [8, 9]) = [9, 2, 8]",
            .signature = ScatterSignature({{"axis", AttributeKind::kInt, Attribute(int64_t{0}),
                                            "indexed axis, negative ones count from the end"}}),
            .infer = InferScatter,
            .define = DefineScatter,
            .expand = ExpandScatter,
            .index_limit = [](const OpContext& op,
                              int operand) { return operand == 1 ? ExtentAlong(op) : 0; }},
      OpDef{.name = "scatter_nd",
            .doc = "Slices put to places that have several coordinates.\n\n`y[indices[u, :], ..] = "
                   "updates[u, ..]`: the last axis of indices holds the first coordinates of x, "
                   "updates are [u..., ...]. As ONNX ScatterND. With reduce add, mul, min or max "
                   "the update is combined with what stands there; with set the last one of a "
                   "place wins. An update with an index out of range is dropped and reported. "
                   "Gradient: as scatter_rows.",
            .example = "scatter_nd([1, 2, 3], i64 [[2], [0]], [8, 9]) = [9, 2, 8]",
            .signature = ScatterSignature(),
            .infer = InferScatterNd,
            .expand = ExpandScatterNd},
      OpDef{.name = "scatter_rows",
            .doc = "Updates put to chosen rows of x.\n\n`y[indices[u], ..] = updates[u, ..]` in "
                   "order of u; x is [rows, ...], updates [indices..., ...]. With reduce add, mul, "
                   "min or max the update is combined with what stands there; with set the last "
                   "one of a row wins. An update whose index is out of range is dropped and "
                   "reported. Gradient: add `g` to x and `g[indices]` to updates; set the same, 0 "
                   "for what was overwritten; mul `g` times the product of all other factors; min "
                   "and max in equal shares to all that have the result's value, as PyTorch's "
                   "scatter_reduce.",
            .example = "scatter_rows([1, 2], i64 [1, 1], [5, 6], reduce=add) = [1, 13]",
            .signature = ScatterSignature(),
            .infer = InferScatterRows,
            .define = DefineScatterRows,
            .form = KernelForm::kScatter,
            .index_limit = [](const OpContext& op,
                              int operand) { return operand == 1 ? op.shape(0)[0] : 0; },
            .vjp = VjpScatterRows},
  };
  return kOps;
}

}  // namespace descent
