// Slicing: parts of a tensor, and elements around one.
#include <algorithm>
#include <numeric>

#include "frontends/onnx/ops/families.h"

namespace descent::onnx {
namespace {

using Ints = std::vector<int64_t>;

/// More elements than this are not indexed by a constant.
constexpr int64_t kMaxIndices = int64_t{1} << 24;

/// One axis of a Slice, whose bounds may lie anywhere, as the operator slice takes it.
struct Bounds {
  int64_t start, stop, step;
};
Bounds Clamped(int64_t start, int64_t end, int64_t step, int64_t extent) {
  const auto from_end = [&](int64_t bound) { return bound < 0 ? bound + extent : bound; };
  if (extent == 0) return {0, 0, 1};
  step = std::clamp(step, -extent, extent);
  if (step > 0) {
    start = std::clamp<int64_t>(from_end(start), 0, extent);
    return {start, std::clamp(from_end(end), start, extent), step};
  }
  start = std::clamp<int64_t>(from_end(start), -1, extent - 1);
  end = std::clamp<int64_t>(from_end(end), -1, start);
  // Nothing lies before element 0; the place there is written -extent - 1.
  if (start < 0) return {0, 0, 1};
  return {start, end < 0 ? -extent - 1 : end, step};
}

Outputs SliceOf(OnnxNode& n, const Ints& starts, const Ints& ends, Ints axes, Ints steps) {
  const Value x = n.In(0);
  if (axes.empty()) {
    axes.resize(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (starts.size() != ends.size() || starts.size() != axes.size() || starts.size() != steps.size())
    return n.Fail("{} starts, {} ends, {} axes and {} steps do not belong together", starts.size(),
                  ends.size(), axes.size(), steps.size());
  axes = n.Axes(std::move(axes), n.rank(x));
  if (std::ranges::find(steps, 0) != steps.end()) return n.Fail("a step is 0");
  if (n.failed()) return Value{};
  const Shape shape = n.shape(x);
  Ints first(shape.size(), 0), stops = shape, strides(shape.size(), 1);
  for (size_t i = 0; i < axes.size(); ++i) {
    const Bounds bounds = Clamped(starts[i], ends[i], steps[i], shape[axes[i]]);
    first[axes[i]] = bounds.start;
    stops[axes[i]] = bounds.stop;
    strides[axes[i]] = bounds.step;
  }
  return n.Add("slice", {x}, {{"starts", first}, {"stops", stops}, {"steps", strides}});
}

Outputs Slice(OnnxNode& n) {
  if (n.HasAttribute("starts") || n.HasAttribute("ends"))
    return SliceOf(n, n.Ints("starts"), n.Ints("ends"), n.Ints("axes"), {});
  const auto given = [&](int i) { return n.Has(i) ? n.StaticInts(i) : Ints{}; };
  return SliceOf(n, n.StaticInts(1), n.StaticInts(2), given(3), given(4));
}

// ---- Pad

struct Padding {
  Ints low, high;
};

/// Of every axis: `pads` names first all beginnings, then all ends, of `axes`.
Padding PaddingOf(OnnxNode& n, const Ints& pads, Ints axes, int rank) {
  const size_t count = axes.size();
  Padding padding{.low = Ints(rank, 0), .high = Ints(rank, 0)};
  if (pads.size() != 2 * count) {
    n.Fail("{} pads do not fit {} axes", pads.size(), count);
    return padding;
  }
  axes = n.Axes(std::move(axes), rank);
  for (size_t i = 0; i < count && !n.failed(); ++i) {
    if (std::max(pads[i], pads[count + i]) > kMaxElements ||
        std::min(pads[i], pads[count + i]) < -kMaxElements)
      n.Fail("pads {} are too large", ToString(pads));
    padding.low[axes[i]] = pads[i];
    padding.high[axes[i]] = pads[count + i];
  }
  return padding;
}

Value PadConstant(OnnxNode& n, Value x, const Padding& padding, double value) {
  return n.Add("pad_constant", {x},
               {{"low", padding.low}, {"high", padding.high}, {"value", value}});
}

/// With a number that is known only when the model runs, or that no double is.
Value PadWith(OnnxNode& n, Value x, const Padding& padding, Value value) {
  const Value inside = n.Expand(n.Scalar(DType::kBool, 1), n.shape(x));
  return n.Add("where", {PadConstant(n, inside, padding, 0), PadConstant(n, x, padding, 0),
                         n.Reshape(value, {})});
}

/// Which element of `extent` stands at place `i` of the endless continuation.
int64_t Continued(std::string_view mode, int64_t i, int64_t extent) {
  if (mode == "edge") return std::clamp<int64_t>(i, 0, extent - 1);
  const int64_t period = mode == "wrap" ? extent : std::max<int64_t>(2 * (extent - 1), 1);
  const int64_t place = ((i % period) + period) % period;
  return std::min(place, mode == "wrap" ? place : period - place);
}

/// Padding by more elements than the axis has, where mirrors face each other.
Value PadFar(OnnxNode& n, Value x, int64_t axis, int64_t low, int64_t high,
             const std::string& mode) {
  const int64_t extent = n.shape(x)[axis], count = low + extent + high;
  if (extent == 0) return n.Fail("an axis without elements cannot be padded in mode {}", mode);
  if (count > kMaxIndices)
    return n.Unsupported("padding to an extent of {} in mode {}", count, mode);
  Ints places(count);
  for (int64_t i = 0; i < count; ++i) places[i] = Continued(mode, i - low, extent);
  const Value indices = n.Constant(Tensor::FromInts({DType::kI64, {count}}, places));
  return n.Add("gather", {x, indices}, {{"axis", axis}});
}

/// With the tensor's own elements: first what is cropped goes, then what is added comes.
Value PadOwn(OnnxNode& n, Value x, Padding padding, const std::string& mode) {
  Padding crop = padding;
  for (Ints* side : {&crop.low, &crop.high})
    for (int64_t& amount : *side) amount = std::min<int64_t>(amount, 0);
  for (Ints* side : {&padding.low, &padding.high})
    for (int64_t& amount : *side) amount = std::max<int64_t>(amount, 0);
  if (crop.low != Ints(n.rank(x), 0) || crop.high != Ints(n.rank(x), 0))
    x = PadConstant(n, x, crop, 0);
  for (int64_t axis = 0; axis < n.rank(x) && !n.failed(); ++axis) {
    const int64_t extent = n.shape(x)[axis];
    const int64_t limit = mode == "edge" ? kMaxElements : mode == "wrap" ? extent : extent - 1;
    if (extent > 0 && std::max(padding.low[axis], padding.high[axis]) <= limit) continue;
    if (padding.low[axis] == 0 && padding.high[axis] == 0) continue;
    x = PadFar(n, x, axis, padding.low[axis], padding.high[axis], mode);
    padding.low[axis] = padding.high[axis] = 0;
  }
  return n.Add("pad", {x}, {{"low", padding.low}, {"high", padding.high}, {"mode", mode}});
}

/// The number around a constant padding, operand 2 or 0, if a double holds it and no weight decides
/// it.
std::optional<double> KnownNumber(OnnxNode& n) {
  if (!n.Has(2)) return 0;
  const auto known = n.Settled(2);
  if (!known || known->elements() != 1) return std::nullopt;
  const double number = known->GetDouble(0);
  const bool exact = Info(known->dtype()).is_float ||
                     Tensor::Scalar(known->dtype(), number).GetInt(0) == known->GetInt(0);
  return exact ? std::optional(number) : std::nullopt;
}

/// The value around a constant padding: a number, or operand 2.
Outputs PadOf(OnnxNode& n, const Ints& pads, Ints axes, std::optional<double> number) {
  const Value x = n.In(0);
  const std::string mode = n.Choice("mode", {"constant", "reflect", "edge", "wrap"});
  const Padding padding = PaddingOf(n, pads, std::move(axes), n.rank(x));
  if (n.failed()) return Value{};
  if (mode == "constant") {
    return number ? PadConstant(n, x, padding, *number) : PadWith(n, x, padding, n.In(2));
  }
  return PadOwn(n, x, padding, mode);
}

Ints AllAxes(OnnxNode& n, Value x) {
  Ints axes(n.rank(x));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

/// Attributes before version 11, called "paddings" at first.
Outputs LegacyPad(OnnxNode& n) {
  const Value x = n.In(0);
  return PadOf(n, n.Ints(n.importer().target), AllAxes(n, x), n.Float("value", 0));
}

Outputs Pad(OnnxNode& n) {
  const Value x = n.In(0);
  return PadOf(n, n.StaticInts(1), n.Has(3) ? n.StaticInts(3) : AllAxes(n, x), KnownNumber(n));
}

/// Half of what is too much or too little goes to either side; an odd one to the end.
Outputs CenterCropPad(OnnxNode& n) {
  const Value x = n.In(0);
  const Ints target = n.StaticInts(1);
  const Ints axes = n.HasAttribute("axes") ? n.Axes(n.Ints("axes"), n.rank(x)) : AllAxes(n, x);
  if (target.size() != axes.size())
    return n.Fail("shape {} does not fit {} axes", ToString(target), axes.size());
  if (!CheckedElements(target)) return n.Fail("shape {} is not possible", ToString(target));
  if (n.failed()) return Value{};
  Padding padding{.low = Ints(n.rank(x), 0), .high = Ints(n.rank(x), 0)};
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t missing = target[i] - n.shape(x)[axes[i]];
    padding.low[axes[i]] = missing / 2;
    padding.high[axes[i]] = missing - missing / 2;
  }
  return PadConstant(n, x, padding, 0);
}

/// Place t of sequence b is read at len[b] - 1 - t where t < len[b], else at t.
Outputs ReverseSequence(OnnxNode& n) {
  const Value x = n.In(0);
  const int64_t batch = n.Axis(n.Int("batch_axis", 1), n.rank(x));
  const int64_t time = n.Axis(n.Int("time_axis", 0), n.rank(x));
  if (n.failed()) return Value{};
  const Value lengths = n.AlongAxis(n.Cast(n.In(1), DType::kI64), batch, n.rank(x));
  const Value place = n.Add("iota", {}, {{"shape", n.shape(x)}, {"axis", time}});
  const Value mirrored = n.Minus(n.Minus(lengths, n.Like(lengths, 1)), place);
  const Value from = n.Add("where", {n.Add("less", {place, lengths}), mirrored, place});
  return n.Add("gather_elements", {x, from}, {{"axis", time}});
}

}  // namespace

std::span<const OpImporter> SlicingImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"CenterCropPad", 18, kNewest, 2, {"axes"}, CenterCropPad},
      {"DynamicSlice", 1, 9, 4, {}, Slice},
      {"Pad", 1, 1, 1, {"paddings", "mode", "value"}, LegacyPad, "paddings"},
      {"Pad", 2, 10, 1, {"pads", "mode", "value"}, LegacyPad, "pads"},
      {"Pad", 11, 17, 3, {"mode"}, Pad},
      {"Pad", 18, kNewest, 4, {"mode"}, Pad},
      {"ReverseSequence", 10, kNewest, 2, {"batch_axis", "time_axis"}, ReverseSequence},
      {"Slice", 1, 9, 1, {"axes", "ends", "starts"}, Slice},
      {"Slice", 10, kNewest, 5, {}, Slice},
  };
  return kImporters;
}

}  // namespace descent::onnx
