// Images read between their elements: regions, and convolutions whose windows are bent.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/ops/window.h"
#include "ir/counts.h"
#include "ir/expr.h"

namespace descent::onnx {
namespace {

// ---- RoiAlign -----------------------------------------------------------------------------------

/// Places that a bin reads along an axis.
constexpr int64_t kMaxSamples = 4096;

/// How many places along an axis each bin of a region reads at most, and of them each region.
struct Samples {
  int64_t most = 0;
  Expr each;  ///< [regions, 1]
};

/// Where along one axis of an image the bins of all regions read it.
struct Places {
  Expr low, high;                ///< i64 [regions, bins * most], the elements on both sides
  Expr low_weight, high_weight;  ///< 0 outside of the image and behind the last sample
  Expr used;                     ///< whether the region has such a sample
};

/// `start` and `length` of each region, [regions, 1].
Places PlacesOf(Expr start, Expr length, const Samples& samples, int64_t bins, int64_t extent) {
  GraphBuilder& b = start.builder();
  const auto places = [&](int axis) {
    const Expr each = Iota(b, {1, bins, samples.most}, axis, start.dtype());
    return Reshape(each, {1, bins * samples.most});
  };
  const Expr number = places(2);
  const Expr within = places(1) + (number + 0.5) / Maximum(samples.each, 1.0);
  const Expr place = start + within * (length / static_cast<double>(bins));
  const auto last = static_cast<double>(extent - 1);
  const Expr used = Less(number, samples.each);
  const Expr inside = And(used, And(GreaterEqual(place, -1.0),
                                    LessEqual(place, place.Like(static_cast<double>(extent)))));
  const Expr at = Minimum(Maximum(place, 0.0), last);
  const Expr low = Floor(at), share = at - low;
  const auto element = [](Expr x) { return CastTo(x, DType::kI64); };
  return {element(low), element(Minimum(low + 1.0, last)), Where(inside, 1.0 - share, 0.0),
          Where(inside, share, 0.0), used};
}

/// The weight of each element of the axis in each bin: [regions, 1, bins, extent].
Expr WeightsOf(const Places& places, int64_t bins, int64_t most, int64_t extent) {
  GraphBuilder& b = places.low.builder();
  const Expr element = Iota(b, {1, 1, extent}, 2, DType::kI64);
  const auto share = [&](Expr place, Expr weight) {
    return Where(Equal(Unsqueeze(place, 2), element), Unsqueeze(weight, 2), 0.0);
  };
  const Expr each = share(places.low, places.low_weight) + share(places.high, places.high_weight);
  const int64_t regions = places.low.shape()[0];
  return Unsqueeze(Sum(Reshape(each, {regions, bins, most, extent}), {2}), 1);
}

/// The largest weighted element that a bin reads, as ONNX's reference has it (not the largest of
/// what it interpolates).
Expr LargestOf(Expr x, Expr image, const Places& rows, const Places& columns, Shape bins,
               const Samples& down, const Samples& across) {
  const Expr last = Transpose(x, {0, 2, 3, 1});
  const Shape grid = {rows.low.shape()[0], rows.low.shape()[1], columns.low.shape()[1], 1};
  const auto over_rows = [&](Expr v) { return ExpandTo(Unsqueeze(Unsqueeze(v, 2), 3), grid); };
  const auto over_columns = [&](Expr v) { return ExpandTo(Unsqueeze(Unsqueeze(v, 1), 3), grid); };
  const Expr which = ExpandTo(Reshape(CastTo(image, DType::kI64), {grid[0], 1, 1, 1}), grid);
  std::optional<Expr> largest;
  for (const auto& [row, row_weight] :
       {std::pair(rows.low, rows.low_weight), {rows.high, rows.high_weight}})
    for (const auto& [column, column_weight] :
         {std::pair(columns.low, columns.low_weight), {columns.high, columns.high_weight}}) {
      const Expr parts[] = {which, over_rows(row), over_columns(column)};
      const Expr places = Concat(parts, 3);
      const Expr read(x.builder(), x.builder().Add("gather_nd", {last, places}));
      const Expr weighted = read * (over_rows(row_weight) * over_columns(column_weight));
      largest = largest ? Maximum(*largest, weighted) : weighted;
    }
  const Expr used = And(over_rows(rows.used), over_columns(columns.used));
  const Expr seen = Where(used, *largest, -std::numeric_limits<double>::infinity());
  const Expr split =
      Reshape(seen, {grid[0], bins[0], down.most, bins[1], across.most, x.shape()[1]});
  const Expr none = Less(down.each * across.each, 1.0);
  const Expr best = Transpose(Max(split, {2, 4}), {0, 3, 1, 2});
  return Where(Reshape(none, {grid[0], 1, 1, 1}), 0.0, best);
}

/// As many as the file says, or where it leaves that to the regions, one for each element of the
/// image that a bin covers: then the regions must be known.
std::optional<Samples> SamplesOf(OnnxNode& n, Expr length, int64_t bins) {
  const int64_t ratio = n.Int("sampling_ratio", 0);
  if (ratio > kMaxSamples) {
    n.Unsupported("a sampling_ratio of {}", ratio);
    return std::nullopt;
  }
  if (ratio > 0)
    return Samples{ratio, ExpandTo(length.Like(static_cast<double>(ratio)), length.shape())};
  n.Static(1);  // the error names what they depend on
  const Tensor lengths = n.failed() ? Tensor() : n.Take(n.scope().Static(length));
  if (n.failed()) return std::nullopt;
  int64_t most = 1;
  std::vector<double> each;
  for (int64_t i = 0; i < lengths.elements(); ++i) {
    const double count = std::ceil(lengths.GetDouble(i) / static_cast<double>(bins));
    if (!(count <= kMaxSamples)) {
      n.Unsupported("a region of {}", lengths.GetDouble(i));
      return std::nullopt;
    }
    each.push_back(std::max(count, 0.0));
    most = std::max(most, static_cast<int64_t>(each.back()));
  }
  GraphBuilder& b = length.builder();
  return Samples{most, {b, b.Constant(Tensor::FromDoubles(lengths.type(), each))}};
}

Outputs RoiAlign(OnnxNode& n) {
  const Value given = n.In(0), image = n.In(2);
  const DType dtype = n.dtype(given), wide = ArithmeticType(dtype);
  const Value rois = n.Cast(n.In(1), wide);
  const Shape bins = {n.Int("output_height", 1), n.Int("output_width", 1)};
  const std::string mode = n.Choice("mode", {"avg", "max"});
  const std::string coordinates = n.Word("coordinate_transformation_mode",
                                         n.version() < 16 ? "output_half_pixel" : "half_pixel");
  const Shape shape = n.shape(given), regions = n.shape(image);
  if (shape.size() != 4 || regions.size() != 1 || n.shape(rois) != Shape{regions[0], 4} ||
      n.IsFloat(image) || !n.IsFloat(given))
    n.Fail("image {}, regions {} and numbers {} do not fit", ToString(n.type(given)),
           ToString(n.type(rois)), ToString(n.type(image)));
  if (bins[0] <= 0 || bins[1] <= 0 || bins[0] > 4096 || bins[1] > 4096)
    n.Fail("an output of {} is not possible", ToString(bins));
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
    n.Fail("coordinate_transformation_mode {} is not known", Quoted(coordinates));
  if (n.failed() || Elements(shape) == 0) return n.Fail("an image of no element");

  const bool aligned = coordinates == "half_pixel";
  const Expr x(n.builder(), n.Cast(given, wide)), corners(n.builder(), rois);
  const Expr scaled = corners * n.Float("spatial_scale", 1) - (aligned ? 0.5 : 0.0);
  const auto corner = [&](int i) { return SliceAxis(scaled, 1, i, i + 1); };
  const auto length = [&](int first) {
    const Expr whole = corner(first + 2) - corner(first);
    return aligned ? whole : Maximum(whole, 1.0);
  };
  const auto down = SamplesOf(n, length(1), bins[0]), across = SamplesOf(n, length(0), bins[1]);
  if (n.failed()) return Value{};
  const Places rows = PlacesOf(corner(1), length(1), *down, bins[0], shape[2]);
  const Places columns = PlacesOf(corner(0), length(0), *across, bins[1], shape[3]);
  const Expr number(n.builder(), image);
  if (mode == "max")
    return n.Cast(LargestOf(x, number, rows, columns, bins, *down, *across), dtype);
  // Weights of a bin are products of those of its rows and columns.
  const Expr own = Gather(x, number), count = Maximum(down->each * across->each, 1.0);
  const Expr over_rows = Matmul(WeightsOf(rows, bins[0], down->most, shape[2]), own);
  const Expr sums =
      Matmul(over_rows, WeightsOf(columns, bins[1], across->most, shape[3]), false, true);
  return n.Cast(sums / Reshape(count, {regions[0], 1, 1, 1}), dtype);
}

// ---- DeformConv ---------------------------------------------------------------------------------

struct DeformableWindow {
  Shape kernel, out;
  std::vector<int64_t> strides, dilations, pads;
  int64_t groups, offset_groups;
};

std::optional<DeformableWindow> ReadDeformableWindow(OnnxNode& n, const Shape& x, const Shape& w,
                                                     const Shape& offset) {
  const size_t axes = x.size() < 3 ? 0 : x.size() - 2;
  if (axes == 0 || axes > 3 || w.size() != x.size() || offset.size() != x.size()) {
    n.Fail("input {}, weights {} and offsets {} do not fit", ToString(x), ToString(w),
           ToString(offset));
    return std::nullopt;
  }
  DeformableWindow window{.kernel = Shape(w.begin() + 2, w.end()),
                          .out = Shape(offset.begin() + 2, offset.end()),
                          .strides = PerAxis(n, "strides", axes, 1, 1),
                          .dilations = PerAxis(n, "dilations", axes, 1, 1),
                          .pads = PerAxis(n, "pads", 2 * axes, 0, -kMaxStep),
                          .groups = n.Int("group", 1),
                          .offset_groups = n.Int("offset_group", 1)};
  const int64_t groups = window.groups, offsets = window.offset_groups;
  if (groups <= 0 || offsets <= 0 || x[1] != SaturatingMultiply(w[1], groups) ||
      w[0] % groups != 0 || x[1] % offsets != 0 || offset[0] != x[0] ||
      offset[1] !=
          SaturatingMultiply(offsets, Elements(window.kernel) * static_cast<int64_t>(axes)))
    n.Fail("input {}, weights {} and offsets {} are not of {} and {} groups", ToString(x),
           ToString(w), ToString(offset), groups, offsets);
  if (n.Ints("kernel_shape", window.kernel) != window.kernel)
    n.Fail("kernel_shape is not that of weights {}", ToString(w));
  for (size_t i = 0; i < axes && !n.failed(); ++i) {
    const int64_t reach = window.dilations[i] * (window.kernel[i] - 1) + 1;
    const int64_t room = x[2 + i] + window.pads[i] + window.pads[axes + i] - reach;
    if (room < 0 || x[2 + i] == 0 || room / window.strides[i] + 1 != window.out[i])
      n.Fail("offsets {} are not those of windows over {}", ToString(offset), ToString(x));
  }
  return n.failed() ? std::nullopt : std::optional(std::move(window));
}

/// Where each element of each window is read along an axis, as grid_sample counts: from -1 at the
/// first edge of the image to 1 at the other. [images, kernel, out] of offsets.
Value Coordinate(OnnxNode& n, Value offsets, const DeformableWindow& window, int axis,
                 int64_t extent) {
  const int axes = static_cast<int>(window.kernel.size());
  Shape both = window.kernel;
  both.insert(both.end(), window.out.begin(), window.out.end());
  both.insert(both.begin(), 1);
  const auto counted = [&](int at, int64_t step) {
    const Value each = n.Add("iota", {}, {{"shape", both}, {"axis", int64_t{1} + at}});
    return n.Times(each, n.Scalar(DType::kI64, static_cast<double>(step)));
  };
  const Value element =
      n.Plus(counted(axis, window.dilations[axis]), counted(axes + axis, window.strides[axis]));
  const Value undisturbed =
      n.Minus(element, n.Scalar(DType::kI64, static_cast<double>(window.pads[axis])));
  const Value places = n.Reshape(n.Cast(undisturbed, n.dtype(offsets)),
                                 {1, Elements(window.kernel), Elements(window.out)});
  const double step = 2.0 / static_cast<double>(extent);
  const Value scaled = n.Times(n.Plus(offsets, places), n.Like(offsets, step));
  return n.Plus(scaled, n.Like(offsets, step / 2 - 1));
}

/// What every window reads, [images, channels, kernel, out].
Value ReadWindows(OnnxNode& n, Value x, Value offset, const DeformableWindow& window) {
  const Shape shape = n.shape(x);
  const int axes = static_cast<int>(window.kernel.size());
  const int64_t images = shape[0] * window.offset_groups, kernel = Elements(window.kernel),
                out = Elements(window.out), channels = shape[1] / window.offset_groups;
  const Value offsets = n.Reshape(offset, {images, kernel, axes, out});
  std::vector<Value> coordinates;
  for (int axis = axes - 1; axis >= 0; --axis) {
    const Value own = n.Reshape(n.Slice(offsets, 2, axis, axis + 1), {images, kernel, out});
    coordinates.push_back(n.Unsqueeze(Coordinate(n, own, window, axis, shape[2 + axis]), {3}));
  }
  Shape grid = {images, kernel, out, 1};
  if (axes == 1) grid = {images, kernel * out};
  grid.resize(axes + 1);
  grid.push_back(axes);
  Shape grouped = shape;
  grouped[0] = images, grouped[1] = channels;
  const Value read =
      n.Add("grid_sample",
            {n.Reshape(x, grouped),
             n.Reshape(n.Add("concat", std::move(coordinates), {{"axis", int64_t{3}}}), grid)});
  return n.Reshape(read, {images, channels, kernel, out});
}

/// A convolution of what is read beside the elements of its windows, by offsets from data.
Outputs DeformConv(OnnxNode& n) {
  const Value given = n.In(0);
  const DType dtype = n.dtype(given), wide = ArithmeticType(dtype);
  const Value x = n.Cast(given, wide), w = n.Cast(n.In(1), wide), offset = n.Cast(n.In(2), wide);
  const Shape shape = n.shape(x), weights = n.shape(w);
  const auto window =
      n.failed() ? std::nullopt : ReadDeformableWindow(n, shape, weights, n.shape(offset));
  if (!window) return Value{};
  const int64_t kernel = Elements(window->kernel), out = Elements(window->out);
  Value read = ReadWindows(n, x, offset, *window);
  if (n.Has(4))
    read = n.Times(
        read, n.Reshape(n.Cast(n.In(4), wide), {shape[0] * window->offset_groups, 1, kernel, out}));
  const int64_t groups = window->groups, inner = weights[1] * kernel;
  const Value sums = n.Add("matmul", {n.Reshape(w, {groups, weights[0] / groups, inner}),
                                      n.Reshape(read, {shape[0], groups, inner, out})});
  Shape result = {shape[0], weights[0]};
  result.insert(result.end(), window->out.begin(), window->out.end());
  Value y = n.Reshape(sums, result);
  if (n.Has(3)) y = n.Plus(y, n.AlongAxis(n.Cast(n.In(3), wide), 1, n.rank(y)));
  return n.Cast(y, dtype);
}

}  // namespace

std::span<const OpImporter> SamplingImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"DeformConv",
       19,
       kNewest,
       5,
       {"dilations", "group", "kernel_shape", "offset_group", "pads", "strides"},
       DeformConv},
      {"RoiAlign",
       10,
       15,
       3,
       {"mode", "output_height", "output_width", "sampling_ratio", "spatial_scale"},
       RoiAlign},
      {"RoiAlign",
       16,
       kNewest,
       3,
       {"coordinate_transformation_mode", "mode", "output_height", "output_width", "sampling_ratio",
        "spatial_scale"},
       RoiAlign},
  };
  return kImporters;
}

}  // namespace descent::onnx
