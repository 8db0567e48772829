// Slicing operators: slice takes elements out of a tensor, pad puts them into a larger one. They
// are each other's gradients.

#include <algorithm>
#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

Result<void> CheckLengths(const OpContext& op, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (static_cast<int>(op.attributes.Ints(name).size()) != op.operands[0].rank())
      return Error("{} {} needs one number per axis of {}", name,
                   ToString(op.attributes.Ints(name)), ToString(op.shape(0)));
  return {};
}

/// Number of elements start, start + step, ... below stop.
int64_t SliceExtent(int64_t start, int64_t stop, int64_t step) {
  return std::max<int64_t>(0, (stop - start + step - 1) / step);
}

Ints StepsOf(const OpContext& op) {
  const Ints& steps = op.attributes.Ints("steps");
  return steps.empty() ? Ints(op.operands[0].rank(), 1) : steps;
}

Shape SlicedShape(const OpContext& op) {
  const Ints steps = StepsOf(op);
  Shape shape;
  for (int i = 0; i < op.operands[0].rank(); ++i)
    shape.push_back(
        SliceExtent(op.attributes.Ints("starts")[i], op.attributes.Ints("stops")[i], steps[i]));
  return shape;
}

Result<std::vector<TensorType>> InferSlice(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckLengths(op, {"starts", "stops"}));
  if (!op.attributes.Ints("steps").empty()) DESCENT_RETURN_IF_ERROR(CheckLengths(op, {"steps"}));
  for (int i = 0; i < op.operands[0].rank(); ++i) {
    const int64_t start = op.attributes.Ints("starts")[i], stop = op.attributes.Ints("stops")[i];
    const int64_t step = StepsOf(op)[i];
    if (step < 1 || step > kMaxElements)
      return Error("steps must be between 1 and 2^40 (flip reverses an axis)");
    if (start < 0 || stop < start || stop > op.shape(0)[i])
      return Error("slice [{}, {}) leaves axis {} of {}", start, stop, i, ToString(op.shape(0)));
  }
  return OneResult(op.dtype(0), SlicedShape(op));
}

TensorExpr DefineSlice(const OpContext& op) {
  const Ints steps = StepsOf(op);
  std::vector<Index> coordinates;
  for (int i = 0; i < op.operands[0].rank(); ++i)
    coordinates.push_back(Axis(i) * steps[i] + ConstantIndex(op.attributes.Ints("starts")[i]));
  return Moved(op, SlicedShape(op), std::move(coordinates));
}

Expr Pad(Expr x, Ints low, Ints high, Ints interior) {
  return {x.builder(), x.builder().Add("pad", {x},
                                       {{"low", std::move(low)},
                                        {"high", std::move(high)},
                                        {"interior", std::move(interior)}})};
}

Values VjpSlice(const VjpContext& v) {
  const Ints &starts = v.op.attributes.Ints("starts"), steps = StepsOf(v.op);
  const Expr g = Gradient(v);
  const Shape& whole = v.op.shape(0);
  const Shape part = g.shape();
  Ints high, interior;
  for (size_t i = 0; i < whole.size(); ++i) {
    const int64_t covered = part[i] == 0 ? 0 : (part[i] - 1) * steps[i] + 1;
    high.push_back(whole[i] - starts[i] - covered);
    interior.push_back(steps[i] - 1);
  }
  return {Pad(g, starts, std::move(high), std::move(interior))};
}

/// Extents of x with `interior` elements between neighbours, before padding.
int64_t SpreadExtent(int64_t extent, int64_t interior) {
  return extent == 0 ? 0 : (extent - 1) * (interior + 1) + 1;
}

Ints InteriorOf(const OpContext& op) {
  const Ints& interior = op.attributes.Ints("interior");
  return interior.empty() ? Ints(op.operands[0].rank(), 0) : interior;
}

Shape PaddedShape(const OpContext& op) {
  const Ints interior = InteriorOf(op);
  Shape shape;
  for (int i = 0; i < op.operands[0].rank(); ++i)
    shape.push_back(op.attributes.Ints("low")[i] + SpreadExtent(op.shape(0)[i], interior[i]) +
                    op.attributes.Ints("high")[i]);
  return shape;
}

Result<std::vector<TensorType>> InferPad(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckLengths(op, {"low", "high"}));
  if (!op.attributes.Ints("interior").empty())
    DESCENT_RETURN_IF_ERROR(CheckLengths(op, {"interior"}));
  for (const std::string_view name : {"low", "high", "interior"})
    for (const int64_t value : op.attributes.Ints(name)) {
      if (value > kMaxElements || value < -kMaxElements) return Error("{} is too large", name);
      if (name == "interior" && value < 0) return Error("interior must not be negative");
    }
  for (int i = 0; i < op.operands[0].rank(); ++i)
    if (op.shape(0)[i] > 0 && InteriorOf(op)[i] > kMaxElements / op.shape(0)[i])
      return Error("interior is too large");
  return OneResult(op.dtype(0), PaddedShape(op));
}

TensorExpr DefinePad(const OpContext& op) {
  const Ints interior = InteriorOf(op);
  const Ints& low = op.attributes.Ints("low");
  TensorExpr expr = Moved(op, PaddedShape(op), {});
  Read& read = expr.reads[0];
  for (int i = 0; i < expr.rank; ++i) {
    const Index spread = Axis(i) + ConstantIndex(-low[i]);
    const int64_t extent = SpreadExtent(op.shape(0)[i], interior[i]);
    if (low[i] > 0 || expr.axes[i] - low[i] > extent) read.guards.push_back({spread, extent});
    if (interior[i] > 0) read.guards.push_back({Mod(spread, interior[i] + 1), 1});
    read.coordinates.push_back(FloorDiv(spread, interior[i] + 1));
  }
  if (!read.guards.empty())
    read.outside = ConstantScalar(op.dtype(0), op.attributes.Float("value"));
  return expr;
}

/// Elements that padding cropped get no gradient: negative padding of g restores their places as 0.
Values VjpPad(const VjpContext& v) {
  const Ints &low = v.op.attributes.Ints("low"), &high = v.op.attributes.Ints("high");
  const Ints interior = InteriorOf(v.op);
  const Shape& shape = v.op.shape(0);
  Expr g = Gradient(v);
  if (Elements(shape) == 0) return {Value()};
  Ints minus_low, minus_high, zeros(shape.size(), 0), stops, steps;
  for (size_t i = 0; i < shape.size(); ++i) {
    minus_low.push_back(-low[i]);
    minus_high.push_back(-high[i]);
    stops.push_back(SpreadExtent(shape[i], interior[i]));
    steps.push_back(interior[i] + 1);
  }
  g = Pad(g, std::move(minus_low), std::move(minus_high), {});
  if (std::ranges::all_of(steps, [](int64_t step) { return step == 1; })) return {g};
  return {v.b.Add("slice", {g}, {{"starts", zeros}, {"stops", stops}, {"steps", steps}})};
}

}  // namespace

std::span<const OpDef> SlicingOps() {
  static const std::array kOps = {
      OpDef{.name = "slice",
            .doc = "Elements start, start + step, ... below stop of every axis.\n\nGradient: `g` "
                   "at these elements, 0 elsewhere.",
            .signature = {.operands = {{"x"}},
                          .attributes = {{"starts", AttributeKind::kInts, std::nullopt,
                                          "first element of each axis"},
                                         {"stops", AttributeKind::kInts, std::nullopt,
                                          "end of each axis, exclusive"},
                                         {"steps", AttributeKind::kInts, Attribute(Ints{}),
                                          "step of each axis, at least 1; empty: all 1"}}},
            .infer = InferSlice,
            .define = DefineSlice,
            .vjp = VjpSlice},
      OpDef{.name = "pad",
            .doc = "A constant around and between the elements.\n\nNegative `low` and `high` crop. "
                   "Gradient: `g` without the padding, 0 for cropped elements.",
            .signature = {.operands = {{"x"}},
                          .attributes = {{"low", AttributeKind::kInts, std::nullopt,
                                          "elements before each axis"},
                                         {"high", AttributeKind::kInts, std::nullopt,
                                          "elements behind each axis"},
                                         {"interior", AttributeKind::kInts, Attribute(Ints{}),
                                          "elements between neighbours of each axis; empty: none"},
                                         {"value", AttributeKind::kFloat, Attribute(0.0),
                                          "the constant"}}},
            .infer = InferPad,
            .define = DefinePad,
            .vjp = VjpPad},
  };
  return kOps;
}

}  // namespace descent
