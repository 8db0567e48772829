// Selection by masks: results have static sizes, so what was found is counted beside it.

#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Operands = std::span<const Value>;

const TensorType kCount{DType::kI64, {}};

AttributeSpec SizeAttribute() {
  return {"size", AttributeKind::kInt, std::nullopt, "number of places in the result"};
}

Result<int64_t> SizeOf(const OpContext& op) {
  const int64_t size = op.attributes.Int("size");
  // One place more takes what has none.
  if (size < 0 || size >= kMaxElements)
    return Error("size must be between 0 and 2^40 - 1, not {}", size);
  return size;
}

/// Where the elements of a flat mask go when those that are true move to the front.
struct Compaction {
  Expr places;  ///< i64 [elements]; `size` for those that are false or have no place
  Expr count;   ///< i64 scalar: number of those that are true
};

Compaction Compact(Expr mask, int64_t size) {
  GraphBuilder& b = mask.builder();
  const Expr ones = CastTo(mask, DType::kI64);
  const Expr place(b, b.Add("cumsum", {ones}, {{"exclusive", true}}));
  const auto end = static_cast<double>(size);
  return {Where(And(mask, Less(place, end)), place, end), Sum(ones)};
}

/// `values` [elements, ...] at their places, `fill` in the places that stay free.
Expr MoveToFront(const Compaction& to, Expr values, int64_t size, double fill) {
  Shape shape = values.shape();
  shape[0] = size + 1;  // the last row takes what has no place
  const Expr all =
      ScatterRows(Filled(values.builder(), shape, values.dtype(), fill), to.places, values, "set");
  return SliceAxis(all, 0, 0, size);
}

// ---- masked_fill -------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferMaskedFill(const OpContext& op) {
  DESCENT_TRY(shape, BroadcastShapes(op.operands));
  if (shape != op.shape(0))
    return Error("mask {} does not broadcast to x {}", ToString(op.shape(1)),
                 ToString(op.shape(0)));
  return std::vector<TensorType>{op.operands[0]};
}

Values ExpandMaskedFill(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Where({b, x[1]}, op.attributes.Float("value"), Expr(b, x[0]))};
}

// ---- masked_select -----------------------------------------------------------------------------

Result<std::vector<TensorType>> InferMaskedSelect(const OpContext& op) {
  DESCENT_TRY(size, SizeOf(op));
  if (op.shape(1) != op.shape(0))
    return Error("mask {} must have the shape of x {}", ToString(op.shape(1)),
                 ToString(op.shape(0)));
  return std::vector<TensorType>{{op.dtype(0), {size}}, kCount};
}

Values ExpandMaskedSelect(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Shape flat = {op.operands[0].elements()};
  const int64_t size = op.attributes.Int("size");
  const Compaction to = Compact(Reshape({b, operands[1]}, flat), size);
  return {MoveToFront(to, Reshape({b, operands[0]}, flat), size, 0), to.count};
}

/// Elements without a place read the 0 behind the gradient.
Values VjpMaskedSelect(const VjpContext& v) {
  const int64_t size = v.op.attributes.Int("size");
  const Compaction to = Compact(Reshape(Operand(v, 1), {v.op.operands[0].elements()}), size);
  const Expr g(v.b,
               v.b.Add("pad_constant", {v.gradient()}, {{"low", Shape{0}}, {"high", Shape{1}}}));
  return {Reshape(Gather(g, to.places), v.op.shape(0)), Value()};
}

// ---- nonzero -----------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferNonzero(const OpContext& op) {
  DESCENT_TRY(size, SizeOf(op));
  const int64_t fill = op.attributes.Int("fill");
  if (fill > kMaxElements || fill < -kMaxElements)
    return Error("fill must be between -2^40 and 2^40, not {}", fill);
  DESCENT_TRY(places, OneResult(DType::kI64, {size, op.operands[0].rank()}));
  return std::vector<TensorType>{places[0], kCount};
}

Values ExpandNonzero(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]);
  const int64_t size = op.attributes.Int("size");
  const Shape flat = {op.operands[0].elements()};
  const Expr mask = x.dtype() == DType::kBool ? x : NotEqual(x, x.Like(0));
  const Compaction to = Compact(Reshape(mask, flat), size);
  std::vector<Expr> columns;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const Expr coordinate = Reshape(Iota(b, op.shape(0), axis, DType::kI64), flat);
    const auto fill = static_cast<double>(op.attributes.Int("fill"));
    columns.push_back(Unsqueeze(MoveToFront(to, coordinate, size, fill), 1));
  }
  const Expr none = Filled(b, {size, 0}, DType::kI64, 0);
  return {columns.empty() ? none : Concat(columns, 1), to.count};
}

}  // namespace

std::span<const OpDef> SelectionOps() {
  static const std::array kOps = {
      OpDef{
          .name = "masked_fill",
          .doc = "A number wherever the mask is true.\n\n`y = value` where the mask is true, else "
                 "`x`; the mask broadcasts to x as NumPy does (torch.Tensor.masked_fill). "
                 "Gradient: `g` where the mask is false, 0 elsewhere.",
          .example = "masked_fill([1, 2], bool [true, false], value=9) = [9, 2]",
          .signature = {.operands = {{"x", DTypeClass::kNumeric}, {"mask", DTypeClass::kBool, -1}},
                        .attributes = {{"value", AttributeKind::kFloat, Attribute(0.0),
                                        "the number"}}},
          .infer = InferMaskedFill,
          .expand = ExpandMaskedFill},
      OpDef{
          .name = "masked_select",
          .doc = "The elements where the mask is true, in row-major order, and their "
                 "number.\n\nThe first result has `size` places: elements beyond it are left out, "
                 "and places that stay free are 0; the count is that of all true ones "
                 "(torch.masked_select of a static size). Gradient: `g` at the place of each "
                 "element, 0 for those left out.",
          .example = "masked_select([1, 2, 3], bool [true, false, true], size=3) = [1, 3, 0], 2",
          .signature = {.operands = {{"x", DTypeClass::kNumeric}, {"mask", DTypeClass::kBool, -1}},
                        .attributes = {SizeAttribute()},
                        .results = {"values", "count"}},
          .infer = InferMaskedSelect,
          .expand = ExpandMaskedSelect,
          .vjp = VjpMaskedSelect},
      OpDef{.name = "nonzero",
            .doc = "Coordinates of the elements that are not zero, in row-major order, and their "
                   "number.\n\nThe first result is [size, rank]: elements beyond `size` are left "
                   "out, and rows that stay free hold `fill`; the count is that of all elements "
                   "that are not zero, NaN among them (jax.numpy.nonzero with `size`).",
            .example = "nonzero([0, 5, 6], size=2) = [[1], [2]], 2",
            .signature = {.operands = {{"x"}},
                          .attributes = {SizeAttribute(),
                                         {"fill", AttributeKind::kInt, Attribute(int64_t{0}),
                                          "what free rows hold"}},
                          .results = {"indices", "count"}},
            .infer = InferNonzero,
            .expand = ExpandNonzero,
            .no_gradient = "the results are integers"},
  };
  return kOps;
}

}  // namespace descent
