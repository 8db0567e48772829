// Images of other extents, and images read at places that come from data.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "frontends/onnx/graph_importer.h"
#include "frontends/onnx/ops/families.h"

namespace descent::onnx {
namespace {

/// How one axis is resized.
struct Axis {
  int64_t from = 1, to = 1;
  double scale = 1, start = 0, end = 1;  ///< scale as given, the crop of tf_crop_and_resize
};

struct Resampling {
  std::string mode, coordinates, nearest;
  double cubic = -0.75, outside = 0;
  bool exclude_outside = false, antialias = false;
  bool whole_length = false;  ///< align_corners aligns the last element rather than the scaled end
};

/// Where place `i` of the result lies in the source. align_corners takes the scaled length, which
/// may be fractional, as ONNX's cases have it; PyTorch means that of the result.
double PlaceOf(const Axis& axis, const Resampling& how, double i) {
  const std::string& coordinates = how.coordinates;
  const double from = static_cast<double>(axis.from), to = axis.scale * from;
  if (coordinates == "align_corners") {
    const double length = how.whole_length ? static_cast<double>(axis.to) : to;
    return length == 1 ? 0 : i * (from - 1) / (length - 1);
  }
  if (coordinates == "asymmetric") return i / axis.scale;
  if (coordinates == "tf_half_pixel_for_nn") return (i + 0.5) / axis.scale;
  if (coordinates == "pytorch_half_pixel" && axis.to <= 1) return 0;
  if (coordinates == "tf_crop_and_resize") {
    const double crop = (axis.end - axis.start) * (from - 1);
    const double last = static_cast<double>(axis.to - 1);
    return axis.start * (from - 1) + (last == 0 ? crop / 2 : i * crop / last);
  }
  const double half = (i + 0.5) / axis.scale - 0.5;
  if (coordinates != "half_pixel_symmetric") return half;
  return half + from / 2 * (1 - static_cast<double>(axis.to) / to);
}

double Kernel(const Resampling& how, double x) {
  x = std::abs(x);
  if (how.mode == "linear") return std::max(0.0, 1 - x);
  const double a = how.cubic;
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/// Before version 11, "simple": what becomes smaller takes the next element.
double Nearest(const std::string& mode, double scale, double x) {
  if (mode == "simple") return scale < 1 ? std::ceil(static_cast<float>(x)) : std::floor(x);
  if (mode == "floor") return std::floor(x);
  if (mode == "ceil") return std::ceil(x);
  return mode == "round_prefer_ceil" ? std::floor(x + 0.5) : std::ceil(x - 0.5);
}

/// The weights of the source's elements in one element of the result; those beyond an end count to
/// the outermost, or not at all.
void Weigh(const Axis& axis, const Resampling& how, double place, double* row) {
  const double last = static_cast<double>(axis.from - 1);
  if (how.coordinates == "tf_crop_and_resize" && (place < 0 || place > last)) return;
  if (how.mode == "nearest") {
    row[static_cast<int64_t>(std::clamp(Nearest(how.nearest, axis.scale, place), 0.0, last))] = 1;
    return;
  }
  // With antialiasing a smaller image takes a wider kernel.
  const double stretch = how.antialias ? std::min(axis.scale, 1.0) : 1;
  const double reach = (how.mode == "linear" ? 1 : 2) / stretch;
  double sum = 0;
  for (double i = std::ceil(place - reach); i <= place + reach; ++i) {
    if (how.exclude_outside && (i < 0 || i > last)) continue;
    const double weight = Kernel(how, (i - place) * stretch);
    row[static_cast<int64_t>(std::clamp(i, 0.0, last))] += weight;
    sum += weight;
  }
  if (sum != 0)
    for (int64_t i = 0; i < axis.from; ++i) row[i] /= sum;
}

constexpr int64_t kMaxWeights = int64_t{1} << 24;

/// One axis of `x` resized: a product with the matrix of its weights.
Value ResizeAxis(OnnxNode& n, Value x, int64_t at, const Axis& axis, const Resampling& how) {
  if (axis.from == 0 || axis.to > kMaxWeights / std::max<int64_t>(axis.from, 1))
    return n.Unsupported("an axis of {} cannot become one of {}", axis.from, axis.to);
  std::vector<double> weights(axis.to * axis.from, 0);
  std::vector<int64_t> chosen(axis.to, 0);
  std::vector<double> outside(axis.to, 0);
  for (int64_t i = 0; i < axis.to; ++i) {
    double* row = weights.data() + i * axis.from;
    const double place = PlaceOf(axis, how, static_cast<double>(i));
    if (!std::isfinite(place)) return n.Fail("a scale of {} is not possible", axis.scale);
    Weigh(axis, how, std::clamp(place, -1e6 - axis.from, 1e6 + 2.0 * axis.from), row);
    chosen[i] = std::max_element(row, row + axis.from) - row;
    outside[i] = row[chosen[i]] == 0 ? 1 : 0;
  }
  const DType dtype = n.dtype(x);
  Value y;
  if (how.mode == "nearest") {
    const Value indices = n.Constant(Tensor::FromInts({DType::kI64, {axis.to}}, chosen));
    y = n.Add("gather", {x, indices}, {{"axis", at}});
  } else {
    const Value rows = n.Constant(Tensor::FromDoubles({dtype, {axis.to, axis.from}}, weights));
    std::vector<int64_t> order(n.rank(x));
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[at], order.back());
    y = n.Transpose(n.Add("matmul", {n.Transpose(x, order), rows}, {{"transpose_b", true}}), order);
  }
  if (std::ranges::all_of(outside, [](double o) { return o == 0; })) return y;
  const Value beyond =
      n.Cast(n.AlongAxis(n.Constant(Tensor::FromDoubles({DType::kF32, {axis.to}}, outside)), at,
                         n.rank(x)),
             DType::kBool);
  return n.Add("where", {beyond, n.Scalar(dtype, how.outside), y});
}

Value ResizeAll(OnnxNode& n, Value x, const std::vector<Axis>& axes, const Resampling& how) {
  const DType dtype = n.dtype(x);
  const bool whole = how.mode != "nearest" && !n.IsFloat(x);
  if (whole) x = n.Cast(x, DType::kF32);
  for (size_t i = 0; i < axes.size() && !n.failed(); ++i)
    if (axes[i].from != axes[i].to || axes[i].scale != 1 || how.coordinates == "tf_crop_and_resize")
      x = ResizeAxis(n, x, static_cast<int64_t>(i), axes[i], how);
  return n.Cast(x, dtype);
}

Resampling ReadResampling(OnnxNode& n) {
  const bool old = n.version() < 11;
  Resampling how{.mode = n.Choice("mode", {"nearest", "linear", "cubic", "bilinear", "trilinear"}),
                 .coordinates = old ? "asymmetric"
                                    : n.Choice("coordinate_transformation_mode",
                                               {"half_pixel", "half_pixel_symmetric",
                                                "pytorch_half_pixel", "align_corners", "asymmetric",
                                                "tf_crop_and_resize", "tf_half_pixel_for_nn"}),
                 .nearest = old ? "simple"
                                : n.Choice("nearest_mode", {"round_prefer_floor",
                                                            "round_prefer_ceil", "floor", "ceil"}),
                 .cubic = n.Float("cubic_coeff_a", -0.75),
                 .outside = n.Float("extrapolation_value", 0),
                 .exclude_outside = n.Flag("exclude_outside"),
                 .antialias = n.Flag("antialias"),
                 .whole_length = n.graph().IsOfTorch()};
  if (how.mode == "bilinear" || how.mode == "trilinear") how.mode = "linear";
  return how;
}

std::vector<Axis> AllAxes(OnnxNode& n, Value x) {
  std::vector<Axis> axes;
  for (const int64_t extent : n.shape(x)) axes.push_back({.from = extent, .to = extent});
  return axes;
}

/// Each resized axis by its factor.
void Scale(OnnxNode& n, std::vector<Axis>& axes, const std::vector<int64_t>& which,
           const std::vector<double>& scales) {
  if (scales.size() != which.size()) n.Fail("{} scales for {} axes", scales.size(), which.size());
  for (size_t i = 0; i < which.size() && !n.failed(); ++i) {
    Axis& axis = axes[which[i]];
    const double to = std::floor(scales[i] * static_cast<double>(axis.from));
    if (!(scales[i] > 0 && to <= static_cast<double>(kMaxWeights)))
      n.Fail("a scale of {} is not possible", scales[i]);
    axis.scale = scales[i];
    if (!n.failed()) axis.to = static_cast<int64_t>(to);
  }
}

/// Each resized axis to its extent, or all by the factor of one of them.
void FitTo(OnnxNode& n, std::vector<Axis>& axes, const std::vector<int64_t>& which,
           const std::vector<int64_t>& sizes) {
  const std::string policy =
      n.Choice("keep_aspect_ratio_policy", {"stretch", "not_larger", "not_smaller"});
  if (sizes.size() != which.size()) n.Fail("{} sizes for {} axes", sizes.size(), which.size());
  std::vector<double> scales;
  for (size_t i = 0; i < which.size() && !n.failed(); ++i) {
    Axis& axis = axes[which[i]];
    if (sizes[i] < 0 || sizes[i] > kMaxWeights || axis.from == 0)
      n.Fail("an axis of {} cannot become one of {}", axis.from, sizes[i]);
    axis.to = sizes[i];
    axis.scale = static_cast<double>(axis.to) / static_cast<double>(axis.from);
    scales.push_back(axis.scale);
  }
  if (n.failed() || policy == "stretch" || scales.empty()) return;
  const double scale = policy == "not_larger" ? std::ranges::min(scales) : std::ranges::max(scales);
  for (const int64_t at : which) {
    axes[at].scale = scale;
    const double to = scale * static_cast<double>(axes[at].from) + 0.5;
    axes[at].to = static_cast<int64_t>(std::min(to, kMaxWeights + 1.0));
  }
}

Outputs Resize(OnnxNode& n) {
  const Value x = n.In(0);
  std::vector<Axis> axes = AllAxes(n, x);
  std::vector<int64_t> which = n.Axes(n.Ints("axes"), n.rank(x));
  if (which.empty()) {
    which.resize(axes.size());
    std::iota(which.begin(), which.end(), 0);
  }
  const Resampling how = ReadResampling(n);
  if (how.coordinates == "tf_crop_and_resize") {
    const std::vector<double> roi = n.StaticNumbers(1);
    if (roi.size() != 2 * which.size()) return n.Fail("roi has {} numbers", roi.size());
    for (size_t i = 0; i < which.size() && !n.failed(); ++i) {
      axes[which[i]].start = roi[i];
      axes[which[i]].end = roi[which.size() + i];
    }
  }
  const int scales = n.version() < 11 ? 1 : 2;
  if (n.Has(3) && n.version() >= 11) {
    FitTo(n, axes, which, n.StaticInts(3));
  } else {
    Scale(n, axes, which, n.StaticNumbers(scales));
  }
  if (n.failed()) return Value{};
  return ResizeAll(n, x, axes, how);
}

/// Versions 1 and 7 have the scales as attributes.
Outputs Upsample(OnnxNode& n) {
  const Value x = n.In(0);
  std::vector<Axis> axes = AllAxes(n, x);
  std::vector<int64_t> which(axes.size());
  std::iota(which.begin(), which.end(), 0);
  const std::vector<double> scales =
      n.version() >= 9 ? n.StaticNumbers(1)
      : n.version() >= 7
          ? n.Floats("scales")
          : std::vector<double>{1, 1, n.Float("height_scale", 1), n.Float("width_scale", 1)};
  Scale(n, axes, which, scales);
  const Resampling how = ReadResampling(n);
  return n.failed() ? Value{} : ResizeAll(n, x, axes, how);
}

Outputs GridSample(OnnxNode& n) {
  std::string mode = n.Word("mode", "linear");
  if (mode == "bilinear") mode = "linear";
  if (mode == "bicubic") mode = "cubic";
  const Value x = n.In(0);
  return n.Add(
      "grid_sample", {x, n.Cast(n.In(1), n.dtype(x))},
      {{"mode", mode},
       {"padding_mode", n.Word("padding_mode", "zeros")},
       {"coordinates", std::string(n.Flag("align_corners") ? "align_corners" : "half_pixel")}});
}

/// The places of a grid over an image, [batch, extents.., axes], moved by a matrix each.
Outputs AffineGrid(OnnxNode& n) {
  const Value theta = n.In(0);
  const std::vector<int64_t> size = n.StaticInts(1);
  if (n.failed() || size.size() < 3 || size.size() > 5) return n.Fail("size has no 3 to 5 numbers");
  const Shape extents(size.begin() + 2, size.end());
  const auto axes = static_cast<int64_t>(extents.size());
  Shape shape = {1};
  shape.insert(shape.end(), extents.begin(), extents.end());
  if (!CheckedElements(shape)) return n.Fail("size {} is not possible", ToString(extents));
  shape.push_back(1);
  const DType dtype = n.dtype(theta);
  std::vector<Value> coordinates;
  // The coordinate of the last axis comes first; a 1 stands behind them.
  for (int64_t i = axes - 1; i >= 0; --i) {
    const auto count = static_cast<double>(extents[i]);
    const bool corners = n.Flag("align_corners");
    const double step = corners ? 2 / std::max(count - 1, 1.0) : 2 / count;
    const double start = corners ? -1 : -1 + 1 / count;
    const Value place = n.Add("iota", {}, {{"shape", shape}, {"axis", 1 + i}, {"dtype", dtype}});
    const Value scaled = n.Times(place, n.Scalar(dtype, step));
    coordinates.push_back(
        n.Plus(scaled, n.Scalar(dtype, extents[i] == 1 ? (corners ? -1 : 0) : start)));
  }
  coordinates.push_back(n.Expand(n.Scalar(dtype, 1), shape));
  const Value points = n.Reshape(n.Add("concat", std::move(coordinates), {{"axis", int64_t{-1}}}),
                                 {1, Elements(extents), axes + 1});
  const Value moved = n.Add("matmul", {points, theta}, {{"transpose_b", true}});
  Shape grid = extents;
  grid.insert(grid.begin(), size[0]);
  grid.push_back(axes);
  return n.Reshape(moved, grid);
}

}  // namespace

std::span<const OpImporter> ImageImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"AffineGrid", 20, kNewest, 2, {"align_corners"}, AffineGrid},
      {"GridSample", 16, kNewest, 2, {"align_corners", "mode", "padding_mode"}, GridSample},
      {"Resize", 10, 10, 2, {"mode"}, Resize},
      {"Resize",
       11,
       kNewest,
       4,
       {"antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside",
        "extrapolation_value", "keep_aspect_ratio_policy", "mode", "nearest_mode"},
       Resize},
      {"Upsample", 1, 6, 1, {"mode", "height_scale", "width_scale"}, Upsample},
      {"Upsample", 7, 8, 1, {"mode", "scales"}, Upsample},
      {"Upsample", 9, 10, 2, {"mode"}, Upsample},
  };
  return kImporters;
}

}  // namespace descent::onnx
