// Layout operators made of others: axes inserted, dropped and merged, parts, copies, blocks.

#include <algorithm>
#include <array>
#include <numeric>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;
using Operands = std::span<const Value>;

AttributeSpec IntsAttribute(std::string_view name, std::string_view doc) {
  return {name, AttributeKind::kInts, std::nullopt, doc};
}

AttributeSpec AxisAttribute(std::string_view doc) {
  return {"axis", AttributeKind::kInt, Attribute(int64_t{0}), doc};
}

// ---- squeeze, unsqueeze, flatten ---------------------------------------------------------------

Result<Shape> SqueezedShape(const OpContext& op) {
  const Ints& given = op.attributes.Ints("axes");
  DESCENT_TRY(axes, NormalAxes(given, op.operands[0].rank()));
  Shape shape;
  for (int i = 0; i < op.operands[0].rank(); ++i) {
    const int64_t extent = op.shape(0)[i];
    const bool named = std::ranges::binary_search(axes, i);
    if (named && !given.empty() && extent != 1)
      return Error("axis {} of {} has not extent 1", i, ToString(op.shape(0)));
    if (!named || extent != 1) shape.push_back(extent);
  }
  return shape;
}

Result<Shape> UnsqueezedShape(const OpContext& op) {
  const Ints& given = op.attributes.Ints("axes");
  const size_t rank = op.shape(0).size() + given.size();
  if (given.empty()) return Error("needs at least one axis to insert");
  if (rank > kMaxRank) return Error("the result would have rank {}, above {}", rank, kMaxRank);
  DESCENT_TRY(axes, NormalAxes(given, static_cast<int>(rank)));
  Shape shape = op.shape(0);
  for (const int axis : axes) shape.insert(shape.begin() + axis, 1);
  return shape;
}

/// A scalar becomes a vector.
Result<Shape> FlattenedShape(const OpContext& op) {
  Shape shape = op.shape(0);
  if (shape.empty()) shape = {1};
  const int rank = static_cast<int>(shape.size());
  DESCENT_TRY(first, NormalAxis(op.attributes.Int("start_axis"), rank));
  DESCENT_TRY(last, NormalAxis(op.attributes.Int("end_axis"), rank));
  if (first > last) return Error("start_axis {} stands behind end_axis {}", first, last);
  shape[first] = ElementsOf(shape, first, last + 1);
  shape.erase(shape.begin() + first + 1, shape.begin() + last + 1);
  return shape;
}

template <Result<Shape> (*kShape)(const OpContext&)>
Result<std::vector<TensorType>> InferReshaped(const OpContext& op) {
  DESCENT_TRY(shape, kShape(op));
  return OneResult(op.dtype(0), std::move(shape));
}

template <Result<Shape> (*kShape)(const OpContext&)>
Values ExpandReshaped(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Reshape({b, x[0]}, *kShape(op))};
}

// ---- split and stack ---------------------------------------------------------------------------

Result<std::vector<TensorType>> InferSplit(const OpContext& op) {
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[0].rank()));
  const Ints& sizes = op.attributes.Ints("sizes");
  if (sizes.empty()) return Error("needs at least one size");
  int64_t rest = op.shape(0)[axis];
  std::vector<TensorType> types;
  for (const int64_t size : sizes) {
    if (size < 0 || size > rest) rest = -1;
    if (rest < 0) break;
    rest -= size;
    types.push_back(op.operands[0]);
    types.back().shape[axis] = size;
  }
  if (rest != 0)
    return Error("sizes {} do not add up to extent {} of axis {}", ToString(sizes),
                 op.shape(0)[axis], axis);
  return types;
}

Values ExpandSplit(GraphBuilder& b, const OpContext& op, Operands x) {
  const int axis = KnownAxis(op.attributes.Int("axis"), op.operands[0].rank());
  Values parts;
  int64_t start = 0;
  for (const int64_t size : op.attributes.Ints("sizes")) {
    parts.push_back(SliceAxis({b, x[0]}, axis, start, start + size));
    start += size;
  }
  return parts;
}

Result<std::vector<TensorType>> InferStack(const OpContext& op) {
  if (op.operands.empty()) return Error("needs at least one operand");
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[0].rank() + 1));
  for (const TensorType& other : op.operands)
    if (other.shape != op.shape(0))
      return Error("{} and {} differ", ToString(op.shape(0)), ToString(other.shape));
  Shape shape = op.shape(0);
  shape.insert(shape.begin() + axis, static_cast<int64_t>(op.operands.size()));
  return OneResult(op.dtype(0), std::move(shape));
}

Values ExpandStack(GraphBuilder& b, const OpContext& op, Operands operands) {
  const int axis = KnownAxis(op.attributes.Int("axis"), op.operands[0].rank() + 1);
  std::vector<Expr> parts;
  for (const Value part : operands) parts.push_back(Unsqueeze({b, part}, axis));
  return {Concat(parts, axis)};
}

// ---- tile and roll -----------------------------------------------------------------------------

Result<std::vector<TensorType>> InferTile(const OpContext& op) {
  const Ints& repeats = op.attributes.Ints("repeats");
  if (static_cast<int>(repeats.size()) != op.operands[0].rank())
    return Error("repeats {} needs one number per axis of {}", ToString(repeats),
                 ToString(op.shape(0)));
  Shape shape = op.shape(0);
  for (size_t i = 0; i < shape.size(); ++i) {
    if (repeats[i] < 0 || repeats[i] > kMaxElements)
      return Error("repeats must be between 0 and 2^40, not {}", repeats[i]);
    if (shape[i] > 0 && repeats[i] > kMaxElements / shape[i])
      return Error("the result would have more than 2^40 elements");
    shape[i] *= repeats[i];
  }
  return OneResult(op.dtype(0), std::move(shape));
}

/// Axis by axis: copies side by side along a new axis, which is then merged with its own. Axes
/// before it stay apart where the rank allows.
Values ExpandTile(GraphBuilder& b, const OpContext& op, Operands operands) {
  Expr x(b, operands[0]);
  // Repeated later axes alone could exceed the limit that an axis of 0 elements keeps.
  if (const Shape shape = InferTile(op)->front().shape; Elements(shape) == 0)
    return {Filled(b, shape, x.dtype(), 0)};
  for (int axis = x.rank() - 1; axis >= 0; --axis) {
    const int64_t repeats = op.attributes.Ints("repeats")[axis];
    if (repeats == 1) continue;
    Shape shape = x.shape();
    Shape apart = shape;
    if (x.rank() == kMaxRank)
      apart = {ElementsOf(shape, 0, axis), ElementsOf(shape, axis, kMaxRank)};
    const int place = x.rank() == kMaxRank ? 1 : axis;
    apart.insert(apart.begin() + place, 1);
    const Expr one = Reshape(x, apart);
    apart[place] = repeats;
    shape[axis] *= repeats;
    x = Reshape(ExpandTo(one, std::move(apart)), std::move(shape));
  }
  return {x};
}

Result<std::vector<TensorType>> InferRoll(const OpContext& op) {
  const Ints &shifts = op.attributes.Ints("shifts"), &axes = op.attributes.Ints("axes");
  if (axes.empty() ? shifts.size() != 1 : shifts.size() != axes.size())
    return Error("shifts {} needs one number per axis of {}", ToString(shifts), ToString(axes));
  for (const int64_t axis : axes)
    if (const auto normal = NormalAxis(axis, op.operands[0].rank()); !normal)
      return std::unexpected(normal.error());
  return std::vector<TensorType>{op.operands[0]};
}

Expr RollAxis(Expr x, int axis, int64_t shift) {
  const int64_t extent = x.shape()[axis];
  if (extent == 0) return x;
  const int64_t first = ((shift % extent) + extent) % extent;  // element 0 comes to this place
  if (first == 0) return x;
  return Concat(
      std::array{SliceAxis(x, axis, extent - first, extent), SliceAxis(x, axis, 0, extent - first)},
      axis);
}

Values ExpandRoll(GraphBuilder& b, const OpContext& op, Operands operands) {
  Expr x(b, operands[0]);
  const Ints &shifts = op.attributes.Ints("shifts"), &axes = op.attributes.Ints("axes");
  if (axes.empty())
    return {Reshape(RollAxis(Reshape(x, {op.operands[0].elements()}), 0, shifts[0]), op.shape(0))};
  for (size_t i = 0; i < axes.size(); ++i)
    x = RollAxis(x, KnownAxis(axes[i], op.operands[0].rank()), shifts[i]);
  return {x};
}

// ---- blocks ------------------------------------------------------------------------------------

AttributeSpec BlockAttribute() {
  return {"block", AttributeKind::kInt, std::nullopt, "rows and columns of a block"};
}

/// x is [n, c, h, w]; block squared must not overflow.
Result<int64_t> BlockOf(const OpContext& op) {
  const int64_t block = op.attributes.Int("block");
  if (op.operands[0].rank() != 4)
    return Error("x must be [batch, channels, rows, columns], not {}", ToString(op.shape(0)));
  if (block < 1 || block > (1 << 20))
    return Error("block must be between 1 and 2^20, not {}", block);
  return block;
}

Result<std::vector<TensorType>> InferDepthToSpace(const OpContext& op) {
  DESCENT_TRY(block, BlockOf(op));
  const Shape& x = op.shape(0);
  if (x[1] % (block * block) != 0)
    return Error("{} channels of {} do not divide by {} squared", x[1], ToString(x), block);
  if (std::max(x[2], x[3]) > kMaxElements / block)
    return Error("the result would have more than 2^40 elements");
  return OneResult(op.dtype(0), {x[0], x[1] / (block * block), x[2] * block, x[3] * block});
}

Values ExpandDepthToSpace(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]);
  const Shape s = x.shape();
  const int64_t block = op.attributes.Int("block"), channels = s[1] / (block * block);
  const bool depth_first = op.attributes.String("order") == "dcr";
  const Shape apart = depth_first ? Shape{s[0], block, block, channels, s[2], s[3]}
                                  : Shape{s[0], channels, block, block, s[2], s[3]};
  const Ints order = depth_first ? Ints{0, 3, 4, 1, 5, 2} : Ints{0, 1, 4, 2, 5, 3};
  return {
      Reshape(Transpose(Reshape(x, apart), order), {s[0], channels, s[2] * block, s[3] * block})};
}

Result<std::vector<TensorType>> InferSpaceToDepth(const OpContext& op) {
  DESCENT_TRY(block, BlockOf(op));
  const Shape& x = op.shape(0);
  if (x[2] % block != 0 || x[3] % block != 0)
    return Error("rows and columns of {} do not divide by {}", ToString(x), block);
  if (x[1] > kMaxElements / (block * block))
    return Error("the result would have more than 2^40 elements");
  return OneResult(op.dtype(0), {x[0], x[1] * block * block, x[2] / block, x[3] / block});
}

Values ExpandSpaceToDepth(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]);
  const Shape s = x.shape();
  const int64_t block = op.attributes.Int("block"), rows = s[2] / block, columns = s[3] / block;
  const Expr apart = Reshape(x, {s[0], s[1], rows, block, columns, block});
  const bool depth_first = op.attributes.String("order") == "dcr";
  const Ints order = depth_first ? Ints{0, 3, 5, 1, 2, 4} : Ints{0, 1, 3, 5, 2, 4};
  return {Reshape(Transpose(apart, order), {s[0], s[1] * block * block, rows, columns})};
}

AttributeSpec OrderAttribute() {
  return {"order",
          AttributeKind::kString,
          Attribute(std::string("dcr")),
          "order of channels: place in the block before channel (dcr) or behind it (crd)",
          {"dcr", "crd"}};
}

}  // namespace

std::span<const OpDef> ArrangeOps() {
  static const std::array kOps = {
      OpDef{.name = "squeeze",
            .doc = "Axes of extent 1 dropped.\n\nThe elements stay as they are (numpy.squeeze). "
                   "Gradient: `g` with the axes back.",
            .example = "squeeze([[1, 2]]) = [1, 2]",
            .signature = {.operands = {{"x"}},
                          .attributes = {{"axes", AttributeKind::kInts, Attribute(Ints{}),
                                          "axes to drop, negative ones count from the end; empty: "
                                          "all of extent 1"}}},
            .infer = InferReshaped<SqueezedShape>,
            .expand = ExpandReshaped<SqueezedShape>},
      OpDef{.name = "unsqueeze",
            .doc = "Axes of extent 1 inserted.\n\n`axes` are places in the result "
                   "(numpy.expand_dims). Gradient: `g` without these axes.",
            .example = "unsqueeze([1, 2], axes=[0]) = [[1, 2]]",
            .signature = {.operands = {{"x"}},
                          .attributes = {IntsAttribute(
                              "axes", "axes of the result, negative ones count from its end")}},
            .infer = InferReshaped<UnsqueezedShape>,
            .expand = ExpandReshaped<UnsqueezedShape>},
      OpDef{.name = "flatten",
            .doc = "Neighbouring axes as one.\n\nAxes start_axis to end_axis, both inclusive, "
                   "become one of their product; a scalar becomes a vector of one element "
                   "(torch.flatten). Gradient: `g` in the shape of x.",
            .example = "flatten([[1, 2], [3, 4]]) = [1, 2, 3, 4]",
            .signature = {.operands = {{"x"}},
                          .attributes = {{"start_axis", AttributeKind::kInt, Attribute(int64_t{0}),
                                          "first axis, negative ones count from the end"},
                                         {"end_axis", AttributeKind::kInt, Attribute(int64_t{-1}),
                                          "last axis, negative ones count from the end"}}},
            .infer = InferReshaped<FlattenedShape>,
            .expand = ExpandReshaped<FlattenedShape>},
      OpDef{.name = "split",
            .doc = "A tensor cut into parts along an axis.\n\nOne result per size; the sizes add "
                   "up to the extent. concat puts them together again (ONNX Split). Gradient: the "
                   "gradients of the parts, one after another.",
            .example = "split([1, 2, 3], sizes=[1, 2]) = [1], [2, 3]",
            .signature = {.operands = {{"x"}},
                          .attributes = {IntsAttribute("sizes", "extent of each part"),
                                         AxisAttribute("axis to cut, negative ones count from the "
                                                       "end")},
                          .results = {"parts"}},
            .infer = InferSplit,
            .expand = ExpandSplit},
      OpDef{.name = "stack",
            .doc = "Tensors of one shape along a new axis.\n\n`y[.., i, ..] = parts[i]` "
                   "(numpy.stack). Gradient: the slices of `g`.",
            .example = "stack([1, 2], [3, 4]) = [[1, 2], [3, 4]]",
            .signature = {.operands = {{"parts", DTypeClass::kAny, 0, false, true}},
                          .attributes = {AxisAttribute(
                              "place of the new axis in the result, negative ones count from its "
                              "end")}},
            .infer = InferStack,
            .expand = ExpandStack},
      OpDef{.name = "tile",
            .doc = "Copies of a tensor side by side.\n\n`y[i] = x[i mod extent]` along every axis, "
                   "as numpy.tile. Gradient: the sum of `g` over the copies.",
            .example = "tile([1, 2], repeats=[2]) = [1, 2, 1, 2]",
            .signature = {.operands = {{"x"}},
                          .attributes = {IntsAttribute("repeats", "copies along each axis")}},
            .infer = InferTile,
            .expand = ExpandTile},
      OpDef{.name = "roll",
            .doc = "Elements shifted along axes; what leaves at the end comes in at the "
                   "front.\n\n`y[(i + shift) mod extent] = x[i]`, as numpy.roll. Without axes x is "
                   "shifted as if it were flat. Gradient: `g` shifted back.",
            .example = "roll([1, 2, 3], shifts=[1]) = [3, 1, 2]",
            .signature = {.operands = {{"x"}},
                          .attributes = {IntsAttribute("shifts",
                                                       "shift of each axis, negative ones to the "
                                                       "front"),
                                         {"axes", AttributeKind::kInts, Attribute(Ints{}),
                                          "axes to shift, one after another; empty: flat"}}},
            .infer = InferRoll,
            .expand = ExpandRoll},
      OpDef{.name = "depth_to_space",
            .doc = "Channels laid out as blocks of rows and columns.\n\nWith b = `block` and C "
                   "result channels, `y[n, c, h*b + i, w*b + j] = x[n, (i*b + j)*C + c, h, w]` "
                   "(order dcr) or `x[n, (c*b + i)*b + j, h, w]` (crd, as pixel_shuffle). x is "
                   "[n, c, h, w], the result [n, c / block^2, h block, w block]; as ONNX "
                   "DepthToSpace. Inverse of space_to_depth. Gradient: `g` moved back.",
            .example =
                "depth_to_space([[[[1]], [[2]], [[3]], [[4]]]], block=2) = [[[[1, 2], [3, 4]]]]",
            .signature = {.operands = {{"x"}}, .attributes = {BlockAttribute(), OrderAttribute()}},
            .infer = InferDepthToSpace,
            .expand = ExpandDepthToSpace},
      OpDef{.name = "space_to_depth",
            .doc = "Blocks of rows and columns stacked as channels.\n\nWith b = `block` and C "
                   "channels, `y[n, (i*b + j)*C + c, h, w] = x[n, c, h*b + i, w*b + j]` (order "
                   "dcr), or at `y[n, (c*b + i)*b + j, h, w]` (crd, as pixel_unshuffle). x is [n, "
                   "c, h, w], the result [n, c block^2, h / block, w / block]; as ONNX "
                   "SpaceToDepth. Inverse of depth_to_space. Gradient: `g` moved back.",
            .example =
                "space_to_depth([[[[1, 2], [3, 4]]]], block=2) = [[[[1]], [[2]], [[3]], [[4]]]]",
            .signature = {.operands = {{"x"}}, .attributes = {BlockAttribute(), OrderAttribute()}},
            .infer = InferSpaceToDepth,
            .expand = ExpandSpaceToDepth},
  };
  return kOps;
}

}  // namespace descent
