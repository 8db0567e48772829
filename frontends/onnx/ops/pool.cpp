// Pools: one number of each window or image, and back.
#include <algorithm>
#include <limits>
#include <numeric>

#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/ops/window.h"

namespace descent::onnx {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Window PoolWindow(OnnxNode& n, Value x) {
  return ReadWindow(n, Spatial(n, x), n.Ints("kernel_shape"));
}

/// Whether the pool's operator takes the padding itself.
bool PadsItself(const Window& window) {
  bool small = !window.partial;
  for (size_t i = 0; i < window.padding.size(); ++i)
    small &= window.padding[i] >= 0 && 2 * window.padding[i] <= window.kernel[i % window.axes()];
  return small;
}

/// `x` with so much of `value` around it that the windows cover it without a rest; `window` is
/// then one without padding.
Value PadTo(OnnxNode& n, Value x, Window& window, double value) {
  if (PadsItself(window)) return x;
  const std::vector<int64_t> extents = Spatial(n, x);
  Shape low(2, 0), high(2, 0);
  for (size_t i = 0; i < window.axes() && i < extents.size(); ++i) {
    const int64_t covered = (window.windows[i] - 1) * window.stride[i] + window.Span(i);
    low.push_back(window.padding[i]);
    high.push_back(covered - extents[i] - window.padding[i]);
  }
  window.padding.assign(window.padding.size(), 0);
  window.partial = false;
  return n.Add("pad_constant", {x}, {{"low", low}, {"high", high}, {"value", value}});
}

Value Pool(OnnxNode& n, std::string_view op, Value x, const Window& window,
           Attributes attributes = {}) {
  attributes.Set("kernel", window.kernel);
  attributes.Set("stride", window.stride);
  attributes.Set("dilation", window.dilation);
  attributes.Set("padding", window.padding);
  return n.Add(SpatialOp(n, op, static_cast<int>(window.axes())), {x}, std::move(attributes));
}

Value Range(OnnxNode& n, int64_t count) { return n.Add("iota", {}, {{"shape", Shape{count}}}); }

/// Steps from one element to the next along each axis of an image; row-major, or the first axis
/// fastest.
std::vector<int64_t> ImageSteps(const std::vector<int64_t>& extents, bool first_fastest) {
  if (!first_fastest) return RowMajorStrides(extents);
  std::vector<int64_t> steps(extents.size(), 1);
  std::exclusive_scan(extents.begin(), extents.end(), steps.begin(), int64_t{1},
                      std::multiplies<>());
  return steps;
}

/// Where the largest element of each window stands in the whole tensor.
Value Indices(OnnxNode& n, Value x, const Window& window) {
  const std::vector<int64_t> extents = Spatial(n, x);
  const auto axes = static_cast<int64_t>(window.axes());
  std::vector<int64_t> padding = window.padding;
  for (int64_t i = 0; i < axes && !n.failed(); ++i)
    padding[axes + i] =
        (window.windows[i] - 1) * window.stride[i] + window.Span(i) - extents[i] - padding[i];
  const Value windows = n.Add("unfold", {x},
                              {{"kernel", window.kernel},
                               {"stride", window.stride},
                               {"dilation", window.dilation},
                               {"padding", padding},
                               {"value", -kInfinity}});
  if (n.failed()) return {};
  Shape flat = n.shape(windows);
  flat.resize(2 + axes);
  const int rank = n.rank(x);
  const Shape shape = n.shape(x), images(shape.begin(), shape.begin() + 2);
  flat.push_back(Elements(window.kernel));
  Value element = n.Add("argmax", {n.Reshape(windows, flat)}, {{"axis", int64_t{-1}}});
  const auto number = [&](int64_t value) { return n.Scalar(DType::kI64, value); };
  const Value image = n.Reshape(Range(n, Elements(images)), {images[0], images[1]});
  std::vector<int64_t> inner(axes);
  std::iota(inner.begin(), inner.end(), 2);
  Value place = n.Times(n.Unsqueeze(image, inner), number(Elements(extents)));
  const std::vector<int64_t> steps = ImageSteps(extents, n.Flag("storage_order"));
  for (int64_t i = axes - 1; i >= 0; --i) {
    const Value step = n.Add("fmod", {element, number(window.kernel[i])});
    element = n.Over(element, number(window.kernel[i]));
    const Value start = n.Minus(n.Times(Range(n, window.windows[i]), number(window.stride[i])),
                                number(window.padding[i]));
    const Value at =
        n.Plus(n.AlongAxis(start, 2 + i, rank), n.Times(step, number(window.dilation[i])));
    place = n.Plus(place, n.Times(at, number(steps[i])));
  }
  return place;
}

Outputs MaxPool(OnnxNode& n) {
  Value x = n.In(0);
  const DType dtype = n.dtype(x);
  // Small integers are exact as floats.
  if (!n.IsFloat(x)) x = n.Cast(x, DType::kF32);
  Window window = PoolWindow(n, x);
  std::vector<Value> results(1);
  if (n.Wants(1)) results.push_back(Indices(n, x, window));
  const Value padded = PadTo(n, x, window, -kInfinity);
  results[0] = n.Cast(Pool(n, "max_pool", padded, window), dtype);
  return results;
}

/// The whole window over the elements of it that count, for each window along axis `i`. What
/// lies beyond the padding never counts, the padding only if it is to.
std::vector<double> Shares(const Window& window, size_t i, int64_t extent, bool count_padding) {
  const int64_t low = window.padding[i], high = window.padding[window.axes() + i];
  const int64_t first = count_padding ? -low : 0, end = extent + (count_padding ? high : 0);
  std::vector<double> shares;
  for (int64_t w = 0; w < window.windows[i]; ++w) {
    const int64_t start = w * window.stride[i] - low, step = window.dilation[i];
    const int64_t skipped = std::max<int64_t>(0, (first - start + step - 1) / step);
    const int64_t stop = std::max<int64_t>(0, (end - start + step - 1) / step);
    const int64_t count = std::min(stop, window.kernel[i]) - skipped;
    shares.push_back(static_cast<double>(window.kernel[i]) /
                     static_cast<double>(std::max<int64_t>(count, 1)));
  }
  return shares;
}

Outputs AveragePool(OnnxNode& n) {
  const Value x = n.In(0);
  Window window = PoolWindow(n, x);
  const bool count_padding = n.Flag("count_include_pad");
  if (n.failed()) return Value{};
  if (PadsItself(window))
    return Pool(n, "avg_pool", x, window, {{"count_include_pad", count_padding}});
  const Window given = window;
  const std::vector<int64_t> extents = Spatial(n, x);
  const Value mean = Pool(n, "avg_pool", PadTo(n, x, window, 0), window);
  Shape along(2, 1);
  std::vector<double> factors = {1};
  for (size_t i = 0; i < given.axes() && !n.failed(); ++i) {
    along.push_back(given.windows[i]);
    if (given.windows[i] > kMaxStep / static_cast<int64_t>(std::max<size_t>(factors.size(), 1)))
      return n.Unsupported("so many windows that go beyond the padding are not supported");
    const std::vector<double> shares = Shares(given, i, extents[i], count_padding);
    std::vector<double> product;
    for (const double factor : factors)
      for (const double share : shares) product.push_back(factor * share);
    factors = std::move(product);
  }
  if (n.failed() || std::ranges::all_of(factors, [](double factor) { return factor == 1; }))
    return mean;
  return n.Times(mean, n.Constant(Tensor::FromDoubles({n.dtype(x), along}, factors)));
}

/// In version 1 the power was a float.
double Power(OnnxNode& n) {
  return n.version() < 2 ? n.Float("p", 2) : static_cast<double>(n.Int("p", 2));
}

Outputs LpPool(OnnxNode& n) {
  Window window = PoolWindow(n, n.In(0));
  const Value padded = PadTo(n, n.In(0), window, 0);
  return Pool(n, "lp_pool", padded, window, {{"p", Power(n)}});
}

Outputs Global(OnnxNode& n) { return n.Add(n.importer().target, {n.In(0)}); }
Outputs GlobalLp(OnnxNode& n) { return n.Add("global_lp_pool", {n.In(0)}, {{"p", Power(n)}}); }

/// Elements put to the places that MaxPool took them from, zeros elsewhere. A given shape is
/// larger: places count in the one that the windows cover.
Outputs MaxUnpool(OnnxNode& n) {
  const Value x = n.In(0), places = n.In(1);
  const std::vector<int64_t> extents = Spatial(n, x);
  const size_t axes = extents.size();
  const auto kernel = PerAxis(n, "kernel_shape", axes, 1, 1);
  const auto stride = PerAxis(n, "strides", axes, 1, 1);
  const auto padding = PerAxis(n, "pads", 2 * axes, 0, -kMaxStep);
  if (n.failed()) return Value{};
  Shape shape = n.shape(x);
  shape.resize(2);
  for (size_t i = 0; i < axes; ++i)
    shape.push_back((extents[i] - 1) * stride[i] - padding[i] - padding[axes + i] + kernel[i]);
  const auto total = CheckedElements(shape);
  if (!total) return n.Fail("shape {} is not possible", ToString(shape));
  const Value flat = n.Add(
      "scatter", {n.Expand(n.Like(x, 0), {*total}), n.Reshape(places, {-1}), n.Reshape(x, {-1})});
  const Value image = n.Reshape(flat, shape);
  if (!n.Has(2)) return image;
  const std::vector<int64_t> wanted = n.StaticInts(2);
  if (n.failed() || wanted.size() != shape.size())
    return n.Fail("output_shape has {} numbers, not {}", wanted.size(), shape.size());
  Shape high(shape.size());
  for (size_t i = 0; i < high.size(); ++i) {
    if (wanted[i] < 0 || wanted[i] > kMaxElements) return n.Fail("output_shape is not possible");
    high[i] = wanted[i] - shape[i];
  }
  return n.Add("pad_constant", {image}, {{"low", Shape(high.size(), 0)}, {"high", high}});
}

}  // namespace

std::span<const OpImporter> PoolImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"AveragePool",
       1,
       kNewest,
       1,
       {"kernel_shape", "strides", "dilations", "pads", "auto_pad", "ceil_mode",
        "count_include_pad"},
       AveragePool},
      {"GlobalAveragePool", 1, kNewest, 1, {}, Global, "global_avg_pool"},
      {"GlobalLpPool", 1, kNewest, 1, {"p"}, GlobalLp},
      {"GlobalMaxPool", 1, kNewest, 1, {}, Global, "global_max_pool"},
      {"LpPool",
       1,
       kNewest,
       1,
       {"kernel_shape", "strides", "dilations", "pads", "auto_pad", "ceil_mode", "p"},
       LpPool},
      {"MaxPool",
       1,
       kNewest,
       1,
       {"kernel_shape", "strides", "dilations", "pads", "auto_pad", "ceil_mode", "storage_order"},
       MaxPool},
      {"MaxUnpool", 9, kNewest, 3, {"kernel_shape", "strides", "pads"}, MaxUnpool},
  };
  return kImporters;
}

}  // namespace descent::onnx
