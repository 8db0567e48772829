// Layout operators: they move elements without computing with them.

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

// ---- reshape -----------------------------------------------------------------------------------

Result<Shape> ReshapedShape(const OpContext& op) {
  Shape shape = op.attributes.Ints("shape");
  const int64_t elements = op.operands[0].elements();
  const auto unknown = std::ranges::find(shape, -1);
  if (unknown != shape.end()) {
    *unknown = 1;
    const auto known = CheckedElements(shape);
    if (!known || *known == 0 || elements % *known != 0)
      return Error("{} does not fit shape {}", ToString(op.shape(0)),
                   ToString(op.attributes.Ints("shape")));
    *unknown = elements / *known;
  }
  const auto total = CheckedElements(shape);
  if (!total || *total != elements)
    return Error("{} has {} elements, which do not fit shape {}", ToString(op.shape(0)), elements,
                 ToString(op.attributes.Ints("shape")));
  return shape;
}

Result<std::vector<TensorType>> InferReshape(const OpContext& op) {
  DESCENT_TRY(shape, ReshapedShape(op));
  return OneResult(op.dtype(0), std::move(shape));
}

/// Coordinates in `from` of the point of `to` (axes 0...) with the same row-major position. Runs of
/// axes with equal products are treated apart, so that axes that did not change stay plain.
std::vector<Index> ReshapeCoordinates(const Shape& from, const Shape& to) {
  std::vector<Index> coordinates(from.size(), ConstantIndex(0));
  if (Elements(from) == 0) return coordinates;
  size_t f = 0, t = 0;
  while (f < from.size() || t < to.size()) {
    const size_t first_f = f, first_t = t;
    int64_t product_f = f < from.size() ? from[f++] : 1;
    int64_t product_t = t < to.size() ? to[t++] : 1;
    while (product_f != product_t)
      product_f < product_t ? product_f *= from[f++] : product_t *= to[t++];
    Index position = ConstantIndex(0);
    for (size_t i = first_t; i < t; ++i)
      if (to[i] > 1) position = position * to[i] + Axis(static_cast<int>(i));
    int64_t inner = 1, total = product_f;
    for (size_t i = f; i-- > first_f;) {
      if (from[i] == 1) continue;
      const Index quotient = FloorDiv(position, inner);
      total /= from[i];
      coordinates[i] = total == 1 ? quotient : Mod(quotient, from[i]);
      inner *= from[i];
    }
  }
  return coordinates;
}

TensorExpr DefineReshape(const OpContext& op) {
  Shape shape = *ReshapedShape(op);
  std::vector<Index> coordinates = ReshapeCoordinates(op.shape(0), shape);
  return Moved(op, std::move(shape), std::move(coordinates));
}

// ---- transpose ---------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferTranspose(const OpContext& op) {
  const Ints& permutation = op.attributes.Ints("permutation");
  Ints sorted = permutation, all(op.operands[0].rank());
  std::ranges::sort(sorted);
  std::iota(all.begin(), all.end(), 0);
  if (sorted != all)
    return Error("permutation {} does not name each axis of {} once", ToString(permutation),
                 ToString(op.shape(0)));
  Shape shape;
  for (const int64_t axis : permutation) shape.push_back(op.shape(0)[axis]);
  return OneResult(op.dtype(0), std::move(shape));
}

Ints InversePermutation(const Ints& permutation) {
  Ints inverse(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) inverse[permutation[i]] = static_cast<int64_t>(i);
  return inverse;
}

TensorExpr DefineTranspose(const OpContext& op) {
  const Ints& permutation = op.attributes.Ints("permutation");
  Shape shape;
  for (const int64_t axis : permutation) shape.push_back(op.shape(0)[axis]);
  std::vector<Index> coordinates;
  for (const int64_t place : InversePermutation(permutation))
    coordinates.push_back(Axis(static_cast<int>(place)));
  return Moved(op, std::move(shape), std::move(coordinates));
}

Values VjpTranspose(const VjpContext& v) {
  return {Transpose(Gradient(v), InversePermutation(v.op.attributes.Ints("permutation")))};
}

// ---- expand ------------------------------------------------------------------------------------

/// The type of operand 0 broadcast to that shape.
Result<std::vector<TensorType>> ExpandedTo(const OpContext& op, const Shape& shape) {
  auto broadcast = BroadcastShapes(op.shape(0), shape);
  if (!broadcast || *broadcast != shape)
    return Error("{} does not broadcast to {}", ToString(op.shape(0)), ToString(shape));
  return OneResult(op.dtype(0), shape);
}

Result<std::vector<TensorType>> InferExpand(const OpContext& op) {
  return ExpandedTo(op, op.attributes.Ints("shape"));
}

TensorExpr DefineExpand(const OpContext& op) {
  const Shape& shape = op.attributes.Ints("shape");
  Read read = BroadcastRead(0, op.shape(0), static_cast<int>(shape.size()));
  return Moved(op, shape, std::move(read.coordinates));
}

// ---- expand_rows -------------------------------------------------------------------------------

/// The result's shape; nothing where there is not one -1, or no row.
std::optional<Shape> RowsShape(const OpContext& op) {
  Shape shape = op.attributes.Ints("shape");
  const auto rows = std::ranges::find(shape, -1);
  if (rows == shape.end() || op.shape(1).empty()) return std::nullopt;
  *rows = op.shape(1)[0];
  return shape;
}

Result<std::vector<TensorType>> InferExpandRows(const OpContext& op) {
  const auto shape = RowsShape(op);
  if (!shape || std::ranges::find(*shape, -1) != shape->end())
    return Error("shape {} must have one -1, for the rows of {}",
                 ToString(op.attributes.Ints("shape")), ToString(op.operands[1]));
  return ExpandedTo(op, *shape);
}

/// It reads an element of each row of `like`, so row i of the result is said to be of row i, and
/// makes no use of it.
TensorExpr DefineExpandRows(const OpContext& op) {
  const Shape shape = *RowsShape(op), &like = op.shape(1), &stated = op.attributes.Ints("shape");
  Read read = BroadcastRead(0, op.shape(0), static_cast<int>(shape.size()));
  TensorExpr expr = Moved(op, shape, std::move(read.coordinates));
  Read row{.operand = 1, .coordinates = std::vector<Index>(like.size(), ConstantIndex(0))};
  row.coordinates[0] = Axis(static_cast<int>(std::ranges::find(stated, -1) - stated.begin()));
  if (Elements(like) > 0) expr.reads.push_back(std::move(row));
  return expr;
}

// ---- concat ------------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferConcat(const OpContext& op) {
  if (op.operands.empty()) return Error("needs at least one operand");
  Shape shape = op.shape(0);
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[0].rank()));
  for (size_t i = 1; i < op.operands.size(); ++i) {
    Shape other = op.shape(static_cast<int>(i));
    if (other.size() != shape.size())
      return Error("ranks differ: {} and {}", ToString(op.shape(0)), ToString(other));
    shape[axis] += std::exchange(other[axis], shape[axis]);
    other[axis] = shape[axis];
    if (other != shape)
      return Error("{} and {} differ beside axis {}", ToString(op.shape(0)),
                   ToString(op.shape(static_cast<int>(i))), axis);
  }
  return OneResult(op.dtype(0), std::move(shape));
}

/// The operand, of those from `first` up to `last`, whose part of the axis holds `index`: a tree of
/// choices, as deep as the logarithm of their number.
Scalar ChooseOperand(const OpContext& op, const Scalar& index, std::span<const int64_t> starts,
                     int first, int last) {
  if (last - first == 1) return ReadScalar(first, op.dtype(0));
  const int middle = (first + last) / 2;
  const Scalar reached = Call(kGe, {index, ConstantInt(DType::kI64, starts[middle])});
  return Call(kSelect, {reached, ChooseOperand(op, index, starts, middle, last),
                        ChooseOperand(op, index, starts, first, middle)});
}

/// Every operand is read with a guard on its part of the axis.
TensorExpr DefineConcat(const OpContext& op) {
  const int rank = op.operands[0].rank();
  const int axis = KnownAxis(op.attributes.Int("axis"), rank);
  TensorExpr expr{.axes = op.shape(0), .rank = rank};
  expr.axes[axis] = 0;
  std::vector<int64_t> starts;
  for (int i = 0; i < static_cast<int>(op.operands.size()); ++i) {
    Read read{.operand = i, .coordinates = AxisRange(0, rank)};
    starts.push_back(expr.axes[axis]);
    read.coordinates[axis] = Axis(axis) + ConstantIndex(-starts.back());
    read.guards = {{read.coordinates[axis], op.shape(i)[axis]}};
    read.outside = ConstantScalar(op.dtype(0), 0);
    expr.reads.push_back(std::move(read));
    expr.axes[axis] += op.shape(i)[axis];
  }
  const int count = static_cast<int>(starts.size());
  expr.results = {ChooseOperand(op, IndexScalar(Axis(axis)), starts, 0, count)};
  return expr;
}

Values VjpConcat(const VjpContext& v) {
  const int axis = KnownAxis(v.op.attributes.Int("axis"), v.op.operands[0].rank());
  Values gradients;
  int64_t start = 0;
  for (const TensorType& operand : v.op.operands) {
    gradients.push_back(SliceAxis(Gradient(v), axis, start, start + operand.shape[axis]));
    start += operand.shape[axis];
  }
  return gradients;
}

// ---- flip and iota -----------------------------------------------------------------------------

Result<std::vector<TensorType>> InferFlip(const OpContext& op) {
  const auto known = NormalAxes(op.attributes.Ints("axes"), op.operands[0].rank());
  if (!known) return std::unexpected(known.error());
  return OneResult(op.dtype(0), op.shape(0));
}

TensorExpr DefineFlip(const OpContext& op) {
  const int rank = op.operands[0].rank();
  std::vector<Index> coordinates = AxisRange(0, rank);
  for (const int axis : KnownAxes(op.attributes.Ints("axes"), rank))
    coordinates[axis] = Axis(axis) * -1 + ConstantIndex(op.shape(0)[axis] - 1);
  return Moved(op, op.shape(0), std::move(coordinates));
}

Result<std::vector<TensorType>> InferIota(const OpContext& op) {
  const Shape& shape = op.attributes.Ints("shape");
  const auto known = NormalAxis(op.attributes.Int("axis"), static_cast<int>(shape.size()));
  if (!known) return std::unexpected(known.error());
  if (op.attributes.Type("dtype") == DType::kBool) return Error("dtype must be a number type");
  return OneResult(op.attributes.Type("dtype"), shape);
}

TensorExpr DefineIota(const OpContext& op) {
  TensorExpr expr{.axes = op.attributes.Ints("shape")};
  expr.rank = static_cast<int>(expr.axes.size());
  const int axis = KnownAxis(op.attributes.Int("axis"), expr.rank);
  expr.results = {Cast(op.attributes.Type("dtype"), IndexScalar(Axis(axis)))};
  return expr;
}

AttributeSpec IntsAttribute(std::string_view name, std::string_view doc) {
  return {name, AttributeKind::kInts, std::nullopt, doc};
}

}  // namespace

std::span<const OpDef> LayoutOps() {
  static const std::array kOps = {
      OpDef{.name = "reshape",
            .doc = "The same elements in row-major order under another shape.\n\nThe number of "
                   "elements stays (numpy.reshape). Gradient: `g` reshaped back.",
            .example = "reshape([1, 2, 3, 4, 5, 6], shape=[2, -1]) = [[1, 2, 3], [4, 5, 6]]",
            .signature = {.operands = {{"x"}},
                          .attributes = {IntsAttribute(
                              "shape", "new extents; one may be -1: what is left")}},
            .infer = InferReshape,
            .define = DefineReshape,
            .vjp = [](const VjpContext& v) { return Values{Reshape(Gradient(v), v.op.shape(0))}; }},
      OpDef{.name = "transpose",
            .doc = "Axes in another order.\n\nAxis i of the result is axis `permutation[i]` of x "
                   "(numpy.transpose). Gradient: `g` with the inverse permutation.",
            .example = "transpose([[1, 2, 3], [4, 5, 6]], permutation=[1, 0]) = [[1, 4], [2, 5], "
                       "[3, 6]]",
            .signature = {.operands = {{"x"}},
                          .attributes = {IntsAttribute("permutation", "axes of x in new order")}},
            .infer = InferTranspose,
            .define = DefineTranspose,
            .vjp = VjpTranspose},
      OpDef{.name = "expand",
            .doc = "Broadcast to a shape.\n\nAxes are aligned at the last one; an extent of 1 is "
                   "repeated, missing axes come in front (numpy.broadcast_to). Gradient: `g` "
                   "summed over the axes that were broadcast.",
            .example = "expand([[1], [2]], shape=[2, 3]) = [[1, 1, 1], [2, 2, 2]]",
            .signature = {.operands = {{"x"}},
                          .attributes = {IntsAttribute("shape", "extents of the result")}},
            .infer = InferExpand,
            .define = DefineExpand,
            .vjp = [](const VjpContext& v) { return Values{v.gradient()}; }},
      OpDef{.name = "expand_rows",
            .doc = "Broadcast to a shape with as many rows as another value.\n\nThe extent that is "
                   "-1 is that of the first axis of `like`, of which no element counts "
                   "(torch.Tensor.expand_as, along that axis); else as expand. Where `like` holds "
                   "the rows of the batch, so does the result, whatever "
                   "the batch is. Gradient: as expand, none for `like`.",
            .example = "expand_rows([1, 2], [7, 8, 9], shape=[-1, 2]) = [[1, 2], [1, 2], [1, 2]]",
            .signature = {.operands = {{"x"}, {"like", DTypeClass::kAny, -1}},
                          .attributes = {IntsAttribute(
                              "shape", "extents of the result; one is -1: the rows")}},
            .infer = InferExpandRows,
            .define = DefineExpandRows,
            .expand =
                [](GraphBuilder& b, const OpContext& op, std::span<const Value> x) {
                  return Values{ExpandTo({b, x[0]}, *RowsShape(op))};
                },
            .vjp = [](const VjpContext& v) { return Values{v.gradient(), Value()}; }},
      OpDef{.name = "concat",
            .doc = "Tensors one after another along an axis.\n\nAll other extents are equal "
                   "(numpy.concatenate). Gradient: the slices of `g`.",
            .example = "concat([[1], [2]], [[3, 4], [5, 6]], axis=1) = [[1, 3, 4], [2, 5, 6]]",
            .signature = {.operands = {{"parts", DTypeClass::kAny, 0, false, true}},
                          .attributes = {{"axis", AttributeKind::kInt, Attribute(int64_t{0}),
                                          "axis, negative ones count from the end"}}},
            .infer = InferConcat,
            .define = DefineConcat,
            .vjp = VjpConcat},
      OpDef{.name = "flip",
            .doc = "The order of elements reversed along axes.\n\n`y[i] = x[extent - 1 - i]` "
                   "along each (numpy.flip). Gradient: `g` flipped back.",
            .example = "flip([[1, 2], [3, 4]], axes=[1]) = [[2, 1], [4, 3]]",
            .signature = {.operands = {{"x"}},
                          .attributes = {{"axes", AttributeKind::kInts, Attribute(Ints{}),
                                          "axes to reverse; empty: all"}}},
            .infer = InferFlip,
            .define = DefineFlip,
            .vjp =
                [](const VjpContext& v) {
                  return Values{Flip(Gradient(v), v.op.attributes.Ints("axes"))};
                }},
      OpDef{.name = "iota",
            .doc = "Each element is its own position along an axis.\n\n`y[.., i, ..] = i`: 0, 1, "
                   "2, ... along the axis, constant along the others. With one axis it is "
                   "torch.arange.",
            .example = "iota(shape=[2, 3], axis=1) = [[0, 1, 2], [0, 1, 2]]",
            .signature = {.operands = {},
                          .attributes = {IntsAttribute("shape", "extents of the result"),
                                         {"axis", AttributeKind::kInt, Attribute(int64_t{0}),
                                          "axis along which it counts"},
                                         {"dtype", AttributeKind::kDType, Attribute(DType::kI64),
                                          "a number type"}}},
            .infer = InferIota,
            .define = DefineIota,
            .no_gradient = "it does not depend on anything"},
  };
  return kOps;
}

}  // namespace descent
