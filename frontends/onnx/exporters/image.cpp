// Images: pools, normalization by neighbouring channels, other extents.
#include <algorithm>
#include <cmath>

#include "frontends/onnx/exporters/channels.h"
#include "frontends/onnx/exporters/families.h"
#include "ir/ops/pool.h"
#include "ir/ops/shapes.h"

namespace descent::onnx {
namespace {

using Node = ExportedNode;

// ---- pools -------------------------------------------------------------------------------------

/// The padding makes room for the windows of the ceil mode. Other padding than one less than the
/// kernel some do not read: unfolding does that.
Names Pooled(const Node& n, const std::vector<SpatialAxis>& axes,
             GraphWriter::Attributes attributes = {}) {
  const auto fits = [](const SpatialAxis& axis) {
    return axis.low < axis.kernel && axis.high < axis.kernel;
  };
  if (!std::ranges::all_of(axes, fits)) return {};
  const ImageNode image{n};
  for (auto& attribute : WindowAttributes(axes))
    if (attribute.first != "dilations" || n.target != "AveragePool")  // it has none yet
      attributes.push_back(std::move(attribute));
  std::vector<int64_t> kernel;
  for (const SpatialAxis& axis : axes) kernel.push_back(axis.kernel);
  attributes.push_back({"kernel_shape", kernel});
  return image.Out(n.w.Add(n.target, {image.In()}, std::move(attributes)));
}

/// Windows that end before the end need no padding, and none that crops.
std::vector<SpatialAxis> AxesOf(const Node& n) {
  std::vector<SpatialAxis> axes = PoolAxes(n.op);
  for (SpatialAxis& axis : axes) axis.high = std::max<int64_t>(axis.high, 0);
  return axes;
}

Names MaxPool(const Node& n) { return Pooled(n, AxesOf(n)); }

/// What a partial window of the ceil mode adds must not count, which ONNX cannot say.
Names AveragePool(const Node& n) {
  const std::vector<SpatialAxis> axes = AxesOf(n);
  const auto given = SpatialAxesOf(n.op.attributes, ImageNode{n}.extents(), n.Ints("kernel"));
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i].dilation != 1 || axes[i].high > given[i].high) return {};
  return Pooled(n, axes, {{"count_include_pad", int64_t{n.Flag("count_include_pad")}}});
}

/// Its power is an integer.
Names LpPool(const Node& n) {
  const double p = n.Float("p");
  if (p != std::floor(p) || p > 64) return {};
  return Pooled(n, AxesOf(n), {{"p", static_cast<int64_t>(p)}});
}

/// Where all windows are of one extent.
Names AdaptivePool(const Node& n) {
  const Shape extents = ImageNode{n}.extents();
  const std::vector<int64_t>& size = n.Ints("size");
  std::vector<SpatialAxis> axes;
  for (size_t i = 0; i < size.size(); ++i) {
    if (extents[i] % size[i] != 0) return {};
    const int64_t each = extents[i] / size[i];
    axes.push_back({.input = extents[i], .kernel = each, .stride = each});
  }
  return Pooled(n, axes);
}

// ---- others ------------------------------------------------------------------------------------

/// Of an even number of neighbours ONNX has one more behind, Descent before. Places as two axes:
/// onnxruntime wants no others.
Names LocalResponseNorm(const Node& n) {
  if (n.Int("size") % 2 == 0) return {};
  const ImageNode image{n};
  const Shape extents = image.extents();
  Shape whole = {n.op.shape(0)[0], n.op.shape(0)[image.layout.channels]}, flat = whole;
  whole.insert(whole.end(), extents.begin(), extents.end());
  flat.insert(flat.end(), {Elements(extents), 1});
  const auto shaped = [&](const std::string& x, const Shape& shape) {
    if (image.spatial() == 2) return x;
    return n.w.Add("Reshape", {x, n.w.Ints(shape)}, {{"allowzero", int64_t{1}}});
  };
  const std::string y = n.w.Add("LRN", {shaped(image.In(), flat)},
                                {{"size", n.Int("size")},
                                 {"alpha", n.Float("alpha")},
                                 {"beta", n.Float("beta")},
                                 {"bias", n.Float("k")}});
  return image.Out(shaped(y, whole));
}

/// Whether the nearest places follow from factors that floats hold: others may be rounded away.
bool AreCertain(const Shape& from, const std::vector<int64_t>& axes,
                const std::vector<int64_t>& to) {
  for (size_t i = 0; i < axes.size(); ++i)
    if (to[i] % from[axes[i]] != 0) return false;
  return true;
}
Names Resize(const Node& n) {
  const std::string &mode = n.op.attributes.String("mode"),
                    &coordinates = n.op.attributes.String("coordinates");
  std::vector<int64_t> axes;
  for (const int64_t axis : n.Ints("axes")) axes.push_back(KnownAxis(axis, n.rank()));
  if (axes.empty())
    for (int64_t axis = 2; axis < n.rank(); ++axis) axes.push_back(axis);
  const std::vector<int64_t>& sizes = n.Ints("sizes");
  if (mode == "cubic" && n.rank() != 4) return {};  // onnxruntime has no other
  if (mode == "nearest" &&
      (coordinates == "align_corners" || !AreCertain(n.op.shape(0), axes, sizes)))
    return {};
  return {n.w.Add("Resize", {n.In(0), "", "", n.w.Ints(sizes)},
                  {{"axes", axes},
                   {"mode", mode},
                   {"coordinate_transformation_mode", coordinates},
                   {"nearest_mode", coordinates == "asymmetric" ? "floor" : "round_prefer_ceil"},
                   {"cubic_coeff_a", n.Float("cubic_coefficient")}})};
}

}  // namespace

std::span<const OpExporter> ImageExporters() {
  static constexpr OpExporter kExporters[] = {
      {"adaptive_avg_pool1d", AdaptivePool, "AveragePool"},
      {"adaptive_avg_pool2d", AdaptivePool, "AveragePool"},
      {"adaptive_avg_pool3d", AdaptivePool, "AveragePool"},
      {"adaptive_max_pool1d", AdaptivePool, "MaxPool"},
      {"adaptive_max_pool2d", AdaptivePool, "MaxPool"},
      {"adaptive_max_pool3d", AdaptivePool, "MaxPool"},
      {"avg_pool1d", AveragePool, "AveragePool"},
      {"avg_pool2d", AveragePool, "AveragePool"},
      {"avg_pool3d", AveragePool, "AveragePool"},
      {"local_response_norm", LocalResponseNorm},
      {"lp_pool1d", LpPool, "LpPool"},
      {"lp_pool2d", LpPool, "LpPool"},
      {"lp_pool3d", LpPool, "LpPool"},
      {"max_pool1d", MaxPool, "MaxPool"},
      {"max_pool2d", MaxPool, "MaxPool"},
      {"max_pool3d", MaxPool, "MaxPool"},
      {"resize", Resize},
  };
  return kExporters;
}

}  // namespace descent::onnx
