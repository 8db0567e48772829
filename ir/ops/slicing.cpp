// Slicing operators: slice takes elements out of a tensor, pad_constant puts them into a larger
// one. They are each other's gradients. pad has other modes, too.

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

// ---- slice -------------------------------------------------------------------------------------

/// Elements start + step * k for k in [0, count) of one axis.
struct Range {
  int64_t start = 0, step = 1, count = 0;
};

/// Bounds that count from the end are below 0; a falling range ends before its stop, so that the
/// one behind element 0 is -extent - 1.
Result<Range> RangeOf(int64_t start, int64_t stop, int64_t step, int64_t extent) {
  if (step == 0 || step > kMaxElements || step < -kMaxElements)
    return Error("steps must be between -2^40 and 2^40 and not 0");
  const auto from_end = [&](int64_t bound) { return bound < 0 ? bound + extent : bound; };
  const bool known = std::min(start, stop) >= -extent - 1 && start <= extent && stop <= extent;
  const int64_t first = from_end(start), end = from_end(stop);
  if (step > 0 ? !known || first < 0 || end < first
               : !known || first >= extent || end < -1 || first < end)
    return Error("leaves the axis or runs against its step {}", step);
  const int64_t size = step > 0 ? step : -step, distance = step > 0 ? end - first : first - end;
  return Range{first, step, (distance + size - 1) / size};
}

Ints StepsOf(const OpContext& op) {
  const Ints& steps = op.attributes.Ints("steps");
  return steps.empty() ? Ints(op.operands[0].rank(), 1) : steps;
}

Result<std::vector<Range>> RangesOf(const OpContext& op) {
  std::vector<Range> ranges;
  for (int i = 0; i < op.operands[0].rank(); ++i) {
    const int64_t start = op.attributes.Ints("starts")[i], stop = op.attributes.Ints("stops")[i];
    const auto range = RangeOf(start, stop, StepsOf(op)[i], op.shape(0)[i]);
    if (!range)
      return Error("slice [{}, {}) of axis {} of {}: {}", start, stop, i, ToString(op.shape(0)),
                   range.error().message);
    ranges.push_back(*range);
  }
  return ranges;
}

Result<std::vector<TensorType>> InferSlice(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckLengths(op, {"starts", "stops"}));
  if (!op.attributes.Ints("steps").empty()) DESCENT_RETURN_IF_ERROR(CheckLengths(op, {"steps"}));
  DESCENT_TRY(ranges, RangesOf(op));
  Shape shape;
  for (const Range& range : ranges) shape.push_back(range.count);
  return OneResult(op.dtype(0), std::move(shape));
}

TensorExpr DefineSlice(const OpContext& op) {
  Shape shape;
  std::vector<Index> coordinates;
  const std::vector<Range> ranges = *RangesOf(op);
  for (const Range& range : ranges) {
    coordinates.push_back(Axis(static_cast<int>(shape.size())) * range.step +
                          ConstantIndex(range.start));
    shape.push_back(range.count);
  }
  return Moved(op, std::move(shape), std::move(coordinates));
}

Expr PadConstant(Expr x, Ints low, Ints high, Ints interior, double value = 0) {
  return {x.builder(), x.builder().Add("pad_constant", {x},
                                       {{"low", std::move(low)},
                                        {"high", std::move(high)},
                                        {"interior", std::move(interior)},
                                        {"value", value}})};
}

/// Elements taken in falling order are put back in rising order.
Values VjpSlice(const VjpContext& v) {
  const Shape& whole = v.op.shape(0);
  Ints low, high, interior, falling;
  const std::vector<Range> ranges = *RangesOf(v.op);
  for (const Range& range : ranges) {
    const auto axis = static_cast<int64_t>(low.size());
    const int64_t last = range.start + range.step * (range.count - 1);
    const bool rises = range.step > 0;
    if (!rises) falling.push_back(axis);
    low.push_back(range.count == 0 ? whole[axis] : std::min(range.start, last));
    high.push_back(range.count == 0 ? 0 : whole[axis] - 1 - std::max(range.start, last));
    interior.push_back(range.count < 2 ? 0 : (rises ? range.step : -range.step) - 1);
  }
  const Expr g = falling.empty() ? Gradient(v) : Flip(Gradient(v), std::move(falling));
  return {PadConstant(g, std::move(low), std::move(high), std::move(interior))};
}

// ---- pad ---------------------------------------------------------------------------------------

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

Result<std::vector<TensorType>> InferPadConstant(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckLengths(op, {"low", "high"}));
  if (!op.attributes.Ints("interior").empty())
    DESCENT_RETURN_IF_ERROR(CheckLengths(op, {"interior"}));
  for (const std::string_view name : {"low", "high", "interior"})
    for (const int64_t value : op.attributes.Ints(name)) {
      if (value > kMaxElements || value < -kMaxElements) return Error("{} is too large", name);
      if (name == "interior" && value < 0) return Error("interior must not be negative");
    }
  for (int i = 0; i < op.operands[0].rank(); ++i)
    if (op.shape(0)[i] > 1 && InteriorOf(op)[i] >= kMaxElements / (op.shape(0)[i] - 1))
      return Error("interior is too large");
  return OneResult(op.dtype(0), PaddedShape(op));
}

TensorExpr DefinePadConstant(const OpContext& op) {
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
Values VjpPadConstant(const VjpContext& v) {
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
  g = PadConstant(g, std::move(minus_low), std::move(minus_high), {});
  if (std::ranges::all_of(steps, [](int64_t step) { return step == 1; })) return {g};
  return {v.b.Add("slice", {g}, {{"starts", zeros}, {"stops", stops}, {"steps", steps}})};
}

/// Elements that x has for padding in the operator's mode.
int64_t Available(const std::string& mode, int64_t extent) {
  if (mode == "reflect") return std::max<int64_t>(0, extent - 1);
  if (mode == "wrap") return extent;
  return extent > 0 ? kMaxElements : 0;
}

Result<std::vector<TensorType>> InferPad(const OpContext& op) {
  DESCENT_TRY(types, InferPadConstant(op));
  const std::string& mode = op.attributes.String("mode");
  if (mode == "constant") return types;
  for (const int64_t value : op.attributes.Ints("interior"))
    if (value != 0) return Error("interior is for mode constant");
  for (int i = 0; i < op.operands[0].rank(); ++i)
    for (const std::string_view name : {"low", "high"}) {
      const int64_t value = op.attributes.Ints(name)[i];
      if (value < 0 || value > Available(mode, op.shape(0)[i]))
        return Error("mode {} can add 0 to {} elements to axis {} of {}, not {}", mode,
                     Available(mode, op.shape(0)[i]), i, ToString(op.shape(0)), value);
    }
  return types;
}

/// The `count` elements that mode puts before (or, with `behind`, behind) the elements of an axis.
Expr Border(Expr x, const std::string& mode, int axis, int64_t count, bool behind) {
  const int64_t extent = x.shape()[axis];
  if (mode == "edge") {
    Shape shape = x.shape();
    shape[axis] = count;
    return ExpandTo(SliceAxis(x, axis, behind ? extent - 1 : 0, behind ? extent : 1), shape);
  }
  if (mode == "wrap")
    return behind ? SliceAxis(x, axis, 0, count) : SliceAxis(x, axis, extent - count, extent);
  return Flip(behind ? SliceAxis(x, axis, extent - 1 - count, extent - 1)
                     : SliceAxis(x, axis, 1, 1 + count),
              {axis});
}

Values ExpandPad(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const std::string& mode = op.attributes.String("mode");
  const Ints &low = op.attributes.Ints("low"), &high = op.attributes.Ints("high");
  Expr x(b, operands[0]);
  if (mode == "constant")
    return {
        PadConstant(x, low, high, op.attributes.Ints("interior"), op.attributes.Float("value"))};
  for (int axis = 0; axis < x.rank(); ++axis) {
    std::vector<Expr> parts;
    if (low[axis] > 0) parts.push_back(Border(x, mode, axis, low[axis], false));
    parts.push_back(x);
    if (high[axis] > 0) parts.push_back(Border(x, mode, axis, high[axis], true));
    if (parts.size() > 1) x = Concat(parts, axis);
  }
  return {x};
}

std::vector<AttributeSpec> PadAttributes() {
  return {{"low", AttributeKind::kInts, std::nullopt, "elements before each axis"},
          {"high", AttributeKind::kInts, std::nullopt, "elements behind each axis"},
          {"interior", AttributeKind::kInts, Attribute(Ints{}),
           "elements between neighbours of each axis; empty: none"},
          {"value", AttributeKind::kFloat, Attribute(0.0), "the constant"}};
}

std::vector<AttributeSpec> PadAttributesWithMode() {
  std::vector<AttributeSpec> attributes = PadAttributes();
  attributes.push_back({"mode",
                        AttributeKind::kString,
                        Attribute(std::string("constant")),
                        "what stands around the elements",
                        {"constant", "reflect", "edge", "wrap"}});
  return attributes;
}

}  // namespace

std::span<const OpDef> SlicingOps() {
  static const std::array kOps = {
      OpDef{.name = "slice",
            .doc = "Elements start, start + step, ... before stop of every axis.\n\n`y[i] = "
                   "x[start + i * step]` along each (ONNX Slice). Starts and stops below 0 count "
                   "from the end. With a step below 0 the elements fall from start; a stop of "
                   "-extent - 1 is the one behind element 0, as in NumPy. Bounds beyond the axis "
                   "are refused. Gradient: `g` at these elements, 0 elsewhere.",
            .example = "slice([1, 2, 3, 4, 5, 6], starts=[4], stops=[-7], steps=[-2]) = [5, 3, 1]",
            .signature = {.operands = {{"x"}},
                          .attributes = {{"starts", AttributeKind::kInts, std::nullopt,
                                          "first element of each axis"},
                                         {"stops", AttributeKind::kInts, std::nullopt,
                                          "end of each axis, exclusive"},
                                         {"steps", AttributeKind::kInts, Attribute(Ints{}),
                                          "step of each axis, not 0; empty: all 1"}}},
            .infer = InferSlice,
            .define = DefineSlice,
            .vjp = VjpSlice},
      OpDef{.name = "pad",
            .doc = "Elements added around a tensor: a constant, or its own.\n\nMode `constant` "
                   "adds `value`, between neighbours, too (`interior`); negative `low` and `high` "
                   "crop. `edge` repeats the outermost element, `reflect` mirrors at it without "
                   "repeating it (fewer than the axis has), `wrap` goes on at the other end (at "
                   "most as many as the axis has): `[1, 2, 3]` with low = 2 is `[1, 1, 1, 2, 3]`, "
                   "`[3, 2, 1, 2, 3]`, `[2, 3, 1, 2, 3]`. Axes are padded one after another. As "
                   "numpy.pad. Gradient: the sum of `g` over all places of an element, 0 for "
                   "cropped ones.",
            .example = "pad([1, 2, 3], low=[2], high=[1], mode=reflect) = [3, 2, 1, 2, 3, 2]",
            .signature = {.operands = {{"x"}}, .attributes = PadAttributesWithMode()},
            .infer = InferPad,
            .expand = ExpandPad},
      OpDef{.name = "pad_constant",
            .doc = "A constant around and between the elements.\n\n`y[low + i * (1 + interior)] = "
                   "x[i]` along each axis, `value` elsewhere: what pad is in mode constant (XLA "
                   "Pad). Negative `low` and `high` crop. Gradient: `g` without the padding, 0 "
                   "for cropped elements.",
            .example = "pad_constant([1, 2], low=[1], high=[0], value=9) = [9, 1, 2]",
            .signature = {.operands = {{"x"}}, .attributes = PadAttributes()},
            .infer = InferPadConstant,
            .define = DefinePadConstant,
            .vjp = VjpPadConstant},
  };
  return kOps;
}

}  // namespace descent
