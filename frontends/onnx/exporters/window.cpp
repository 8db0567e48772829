// Sliding windows, of which pools and resizing are made: slices at computed places, and sums there.
#include <numeric>

#include "frontends/onnx/exporters/families.h"
#include "ir/expr.h"
#include "ir/ops/resample.h"
#include "ir/ops/shapes.h"
#include "ir/ops/window.h"

namespace descent::onnx {
namespace {

using Values = std::vector<Value>;
using Operands = std::span<const Value>;

/// Where the elements of windows along one axis lie, in a line that begins `low` elements before
/// the axis.
struct Places {
  Expr numbers;    ///< i64 [windows, elements of a window]
  int64_t low;     ///< may be negative
  int64_t extent;  ///< of the line, which ends behind the last place

  int64_t high(int64_t size) const { return extent - low - size; }
};

/// Element k of window i at starts[i] + k * dilation.
Expr Table(Expr starts, int64_t elements, int64_t dilation) {
  const int64_t windows = starts.shape()[0];
  const Expr inside = Iota(starts.builder(), {1, elements}, 1, DType::kI64);
  return Reshape(starts, {windows, 1}) + inside * static_cast<double>(dilation);
}
Places PlacesOf(GraphBuilder& b, const SpatialAxis& axis) {
  const Expr starts = Iota(b, {axis.output()}, 0, DType::kI64) * static_cast<double>(axis.stride);
  return {Table(starts, axis.kernel, axis.dilation), axis.low,
          (axis.output() - 1) * axis.stride + axis.span()};
}
Places PlacesOf(GraphBuilder& b, const Attributes& a, int64_t windows, int64_t elements) {
  const int64_t step = a.Int("step"), divisor = a.Int("divisor");
  // Shifted by whole elements, which makes all numerators positive.
  const int64_t low = a.Int("offset") < 0 ? (divisor - 1 - a.Int("offset")) / divisor : 0;
  const int64_t offset = a.Int("offset") + low * divisor;
  const Expr numerators =
      Iota(b, {windows}, 0, DType::kI64) * static_cast<double>(step) + static_cast<double>(offset);
  const Expr starts = numerators / static_cast<double>(divisor);
  const int64_t last = (std::max<int64_t>(windows - 1, 0) * step + offset) / divisor;
  return {Table(starts, elements, 1), low, last + elements};
}

Expr Padded(Expr x, int axis, int64_t low, int64_t high, double value) {
  if (low == 0 && high == 0) return x;
  Shape before(x.rank(), 0), behind = before;
  before[axis] = low;
  behind[axis] = high;
  return {x.builder(), x.builder().Add("pad_constant", {x},
                                       {{"low", before}, {"high", behind}, {"value", value}})};
}

/// Windows in the place of the axis, their elements along a new last one.
Expr Unfolded(Expr x, int axis, const Places& places, double outside) {
  const Expr line = Padded(x, axis, places.low, places.high(x.shape()[axis]), outside);
  const Expr windows = Gather(line, places.numbers, axis);
  std::vector<int64_t> order(windows.rank());
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + axis + 1);
  order.push_back(axis + 1);
  return Transpose(windows, order);
}

/// The adjoint: the last axis and `axis` become one of extent `size`.
Expr Folded(Expr x, int axis, const Places& places, int64_t size) {
  std::vector<int64_t> to_front = {axis, x.rank() - 1}, back;
  Shape rest;
  for (int i = 0; i + 1 < x.rank(); ++i) {
    if (i == axis) continue;
    to_front.push_back(i);
    rest.push_back(x.shape()[i]);
    back.push_back(static_cast<int64_t>(rest.size()));
  }
  back.insert(back.begin() + axis, 0);
  const auto with_first = [&](int64_t extent) {
    Shape shape = rest;
    shape.insert(shape.begin(), extent);
    return shape;
  };
  const int64_t count = Elements(places.numbers.shape());
  const Expr rows = Reshape(Transpose(x, to_front), with_first(count));
  const Expr line = ScatterRows(Filled(x.builder(), with_first(places.extent), x.dtype(), 0),
                                Reshape(places.numbers, {count}), rows, "add");
  return Transpose(Padded(line, 0, -places.low, -places.high(size), 0), back);
}

Values ExpandUnfold(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Windows windows = UnfoldWindows(op);
  Expr x(b, operands[0]);
  for (int i = 0; i < windows.count(); ++i)
    x = Unfolded(x, windows.first + i, PlacesOf(b, windows.axes[i]), op.attributes.Float("value"));
  return {x};
}
Values ExpandFold(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Windows windows = FoldWindows(op);
  Expr x(b, operands[0]);
  for (int i = windows.count(); i-- > 0;)
    x = Folded(x, windows.first + i, PlacesOf(b, windows.axes[i]), windows.axes[i].input);
  return {x};
}

Values ExpandFractionalUnfold(GraphBuilder& b, const OpContext& op, Operands x) {
  const Attributes& a = op.attributes;
  const int axis = KnownAxis(a.Int("axis"), op.operands[0].rank());
  return {Unfolded({b, x[0]}, axis, PlacesOf(b, a, a.Int("size"), a.Int("kernel")), 0)};
}
Values ExpandFractionalFold(GraphBuilder& b, const OpContext& op, Operands x) {
  const Attributes& a = op.attributes;
  const int axis = KnownAxis(a.Int("axis"), op.operands[0].rank() - 1);
  const Places places = PlacesOf(b, a, op.shape(0)[axis], op.shape(0).back());
  return {Folded({b, x[0]}, axis, places, a.Int("size"))};
}

}  // namespace

std::span<const OpExporter> WindowExporters() {
  static constexpr OpExporter kExporters[] = {
      {.name = "fold", .expand = ExpandFold},
      {.name = "fractional_fold", .expand = ExpandFractionalFold},
      {.name = "fractional_unfold", .expand = ExpandFractionalUnfold},
      {.name = "unfold", .expand = ExpandUnfold},
  };
  return kExporters;
}

}  // namespace descent::onnx
