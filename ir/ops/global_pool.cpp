// Pools over whole images, and over as many parts of them as the result has places.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/pool.h"
#include "ir/ops/resample.h"
#include "ir/ops/shapes.h"
#include "ir/ops/spatial.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

// ---- global ------------------------------------------------------------------------------------

ImageLayout ImageOf(const OpContext& op) {
  return LayoutOf(op.attributes, op.operands[0].rank() - 2);
}

Ints SpatialAxesOf(const OpContext& op) {
  Ints axes(op.operands[0].rank() - 2);
  std::iota(axes.begin(), axes.end(), ImageOf(op).spatial);
  return axes;
}

Shape WithSpatial(const OpContext& op, const Shape& extents) {
  Shape shape = op.shape(0);
  std::copy(extents.begin(), extents.end(), shape.begin() + ImageOf(op).spatial);
  return shape;
}

Result<void> CheckImage(const OpContext& op) {
  const Shape& x = op.shape(0);
  if (x.size() < 3) return Error("x needs rows, channels and places, not {}", ToString(x));
  for (const int64_t axis : SpatialAxesOf(op))
    if (x[axis] == 0) return Error("spatial axes of x {} must not be empty", ToString(x));
  return {};
}

Result<std::vector<TensorType>> InferGlobalPool(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckImage(op));
  return OneResult(op.dtype(0), WithSpatial(op, Shape(op.operands[0].rank() - 2, 1)));
}

Result<std::vector<TensorType>> InferGlobalLpPool(const OpContext& op) {
  const double p = op.attributes.Float("p");
  if (!(p >= 1 && std::isfinite(p))) return Error("p must be at least 1 and finite, not {}", p);
  return InferGlobalPool(op);
}

/// With all spatial axes merged, in the place of the first.
Expr Flattened(const OpContext& op, Expr x) {
  const int first = ImageOf(op).spatial;
  const Shape shape = x.shape();
  Shape flat(shape.begin(), shape.begin() + first);
  flat.push_back(ElementsOf(shape, first, first + x.rank() - 2));
  flat.insert(flat.end(), shape.begin() + first + x.rank() - 2, shape.end());
  return Reshape(x, flat);
}

Values VjpGlobalMaxPool(const VjpContext& v) {
  const Expr chosen = AtFirstMaximum(Flattened(v.op, Operand(v, 0)), Flattened(v.op, Gradient(v)),
                                     ImageOf(v.op).spatial);
  return {Reshape(chosen, v.op.shape(0))};
}

// ---- adaptive ----------------------------------------------------------------------------------

/// Keeps the numbers of the windows' ends exact.
constexpr int64_t kMaxProduct = int64_t{1} << 48;

template <int kSpatial>
Result<std::vector<TensorType>> InferAdaptivePool(const OpContext& op) {
  const Ints& size = op.attributes.Ints("size");
  if (op.operands[0].rank() != kSpatial + 2)
    return Error("x must be {}, not {}", ImageText(op.attributes, kSpatial), ToString(op.shape(0)));
  DESCENT_RETURN_IF_ERROR(CheckImage(op));
  DESCENT_RETURN_IF_ERROR(CheckSteps(op.attributes, {"size"}, kSpatial));
  Shape largest = op.shape(0);
  for (int i = 0; i < kSpatial; ++i) {
    int64_t& extent = largest[ImageOf(op).spatial + i];
    if (extent > kMaxResampled || extent > kMaxProduct / size[i])
      return Error("x {} is too large for size {}", ToString(op.shape(0)), ToString(size));
    extent += 2 * size[i];  // all elements of all parts along an axis
  }
  if (!CheckedElements(largest))
    return Error("x {} is too large for size {}", ToString(op.shape(0)), ToString(size));
  return OneResult(op.dtype(0), WithSpatial(op, size));
}

/// Window i of `size` over an axis of extent n holds places [floor(i n / size), ceil((i + 1) n /
/// size)). Its elements stand along a last axis; `counts` is true where there is one.
struct Parts {
  Expr windows;
  Value counts;  ///< invalid where all windows are of one length
  FractionalStep step;
  int axis;

  /// Gradient of the axis for that of `windows`.
  Expr Back(Expr g, const Shape& shape) const {
    if (counts.valid()) return FractionalFold(g, axis, shape[axis], step);
    Ints permutation(g.rank());
    std::iota(permutation.begin(), permutation.end(), 0);
    permutation.pop_back();
    permutation.insert(permutation.begin() + axis + 1, g.rank() - 1);
    return Reshape(Transpose(g, permutation), shape);
  }
};

Parts PartsOf(Expr x, int axis, int64_t size) {
  const int64_t n = x.shape()[axis], rank = x.rank();
  const FractionalStep step{.step = n, .offset = 0, .divisor = size};
  if (n % size == 0) {
    Shape split = x.shape();
    split[axis] = size;
    split.insert(split.begin() + axis + 1, n / size);
    Ints permutation(rank + 1);
    std::iota(permutation.begin(), permutation.end(), 0);
    permutation.erase(permutation.begin() + axis + 1);
    permutation.push_back(axis + 1);
    return {Transpose(Reshape(x, split), permutation), {}, step, axis};
  }
  GraphBuilder& b = x.builder();
  const int64_t longest = std::min(n, n / size + 2);
  Shape place(rank + 1, 1), element(rank + 1, 1);
  place[axis] = size;
  element[rank] = longest;
  const Expr i = Iota(b, place, axis, DType::kI64);
  const Expr start = i * static_cast<double>(n) / static_cast<double>(size);
  const Expr end = ((i + 1.0) * static_cast<double>(n) + static_cast<double>(size - 1)) /
                   static_cast<double>(size);
  const Expr counts = Less(Iota(b, element, rank, DType::kI64), end - start);
  return {FractionalUnfold(x, axis, size, longest, step), counts, step, axis};
}

/// The sum of each window over the number of its elements.
Expr AverageAlong(Expr x, int axis, int64_t size) {
  const Parts parts = PartsOf(x, axis, size);
  const int64_t last = x.rank();
  if (!parts.counts.valid()) return Mean(parts.windows, {last});
  const Expr counts(x.builder(), parts.counts);
  const Expr sum = Sum(Where(counts, parts.windows, 0.0), {last});
  return sum / Sum(CastTo(counts, x.dtype()), {last});
}

Values ExpandAdaptiveAverage(GraphBuilder& b, const OpContext& op, std::span<const Value> x) {
  Expr y(b, x[0]);
  const Ints axes = SpatialAxesOf(op);
  for (int i = static_cast<int>(axes.size()); i-- > 0;)
    y = AverageAlong(y, static_cast<int>(axes[i]), op.attributes.Ints("size")[i]);
  return {y};
}

/// Elements of windows, -infinity where there is none.
Expr Filled(const Parts& parts) {
  if (!parts.counts.valid()) return parts.windows;
  return Where({parts.windows.builder(), parts.counts}, parts.windows,
               -std::numeric_limits<double>::infinity());
}

/// The images after each axis, innermost first, x itself included: so the first of several maxima
/// along each axis in turn is the first in row-major order.
std::vector<Expr> MaximaAlongAxes(const OpContext& op, Expr x) {
  const Ints axes = SpatialAxesOf(op);
  std::vector<Expr> images = {x};
  for (int i = static_cast<int>(axes.size()); i-- > 0;) {
    const Parts parts =
        PartsOf(images.back(), static_cast<int>(axes[i]), op.attributes.Ints("size")[i]);
    images.push_back(Max(Filled(parts), {x.rank()}));
  }
  return images;
}

Values ExpandAdaptiveMax(GraphBuilder& b, const OpContext& op, std::span<const Value> x) {
  return {MaximaAlongAxes(op, {b, x[0]}).back()};
}

Values VjpAdaptiveMax(const VjpContext& v) {
  const Ints axes = SpatialAxesOf(v.op);
  const std::vector<Expr> images = MaximaAlongAxes(v.op, Operand(v, 0));
  Expr g = Gradient(v);
  for (size_t i = 0; i < axes.size(); ++i) {
    const Expr x = images[axes.size() - 1 - i];
    const Parts parts = PartsOf(x, static_cast<int>(axes[i]), v.op.attributes.Ints("size")[i]);
    g = parts.Back(AtFirstMaximum(Filled(parts), Unsqueeze(g, x.rank()), x.rank()), x.shape());
  }
  return {g};
}

// ---- literals ----------------------------------------------------------------------------------

constexpr std::string_view kAdaptiveAverageDoc =
    "Mean of each of `size` parts of an image over {0}.\n\nPart i of an axis of extent n holds "
    "places `floor(i n / size)` to `ceil((i + 1) n / size) - 1`, so parts may overlap by one "
    "place{1}. x is {2}, or channels last with `layout=nhwc`. Gradient: `g / count` to each "
    "element "
    "of a part (torch.nn.AdaptiveAvgPool{4}d).";
constexpr std::string_view kAdaptiveMaxDoc =
    "Largest element of each of `size` parts of an image over {0}.\n\nParts as in "
    "adaptive_avg_pool{4}d{1}. x is {2}, or channels last with `layout=nhwc`. NaN wins. Gradient: "
    "`g` to the first maximum of each part in row-major order (torch.nn.AdaptiveMaxPool{4}d).";

constexpr std::string_view kAdaptiveAverageExamples[] = {
    "adaptive_avg_pool1d([[[1, 2, 3, 4, 5]]], size=[2]) = [[[2, 4]]]",
    "adaptive_avg_pool2d([[[[1, 2], [3, 4]]]], size=[1, 2]) = [[[[2, 3]]]]",
    "adaptive_avg_pool3d([[[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]], size=[1, 2, 1]) = [[[[[3.5], "
    "[5.5]]]]]"};

constexpr std::string_view kAdaptiveMaxExamples[] = {
    "adaptive_max_pool1d([[[1, 2, 9, 4, 5]]], size=[2]) = [[[9, 9]]]",
    "adaptive_max_pool2d([[[[1, 2], [3, 4]]]], size=[1, 2]) = [[[[3, 4]]]]",
    "adaptive_max_pool3d([[[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]], size=[1, 2, 1]) = [[[[[6], "
    "[8]]]]]"};

template <int kSpatial>
std::array<OpDef, 2> AdaptivePools() {
  static const std::string average_name = fmt::format("adaptive_avg_pool{}d", kSpatial),
                           max_name = fmt::format("adaptive_max_pool{}d", kSpatial);
  static const std::string average_doc = SpatialDoc(kAdaptiveAverageDoc, kSpatial),
                           max_doc = SpatialDoc(kAdaptiveMaxDoc, kSpatial);
  const Signature signature{
      .operands = {{"x", DTypeClass::kFloat}},
      .attributes = {IntsAttribute("size", {}, "spatial extents of the result"),
                     LayoutAttribute()}};
  return {OpDef{.name = average_name,
                .doc = average_doc,
                .example = kAdaptiveAverageExamples[kSpatial - 1],
                .signature = signature,
                .infer = InferAdaptivePool<kSpatial>,
                .expand = ExpandAdaptiveAverage},
          OpDef{.name = max_name,
                .doc = max_doc,
                .example = kAdaptiveMaxExamples[kSpatial - 1],
                .signature = signature,
                .infer = InferAdaptivePool<kSpatial>,
                .expand = ExpandAdaptiveMax,
                .vjp = VjpAdaptiveMax}};
}

constexpr std::string_view kGlobalX =
    "x has any number of spatial axes, whose extents become 1; channels stand last with "
    "`layout=nhwc`.";

std::vector<OpDef> GlobalPools() {
  static const std::string max_doc = fmt::format(
      "Largest element of each image.\n\n{} NaN wins. Gradient: `g` to the first maximum in "
      "row-major order (ONNX GlobalMaxPool).",
      kGlobalX);
  static const std::string average_doc = fmt::format(
      "Mean of each image.\n\n{} Gradient: `g / count` to every element (ONNX "
      "GlobalAveragePool).",
      kGlobalX);
  static const std::string power_doc = fmt::format(
      "The p-norm of each image.\n\n`y = (sum |x|^p)^(1/p)`. {} Gradient: `g * sign(x) * (|x| / "
      "y)^(p - 1)`, 0 where y is 0 (ONNX GlobalLpPool).",
      kGlobalX);
  const Signature signature{.operands = {{"x", DTypeClass::kFloat}},
                            .attributes = {LayoutAttribute()}};
  Signature with_power = signature;
  with_power.attributes.push_back(
      {"p", AttributeKind::kFloat, Attribute(2.0), "the power, at least 1"});
  return {
      OpDef{.name = "global_max_pool",
            .doc = max_doc,
            .example = "global_max_pool([[[1, 2, 3], [6, 5, 4]]]) = [[[3], [6]]]",
            .signature = signature,
            .infer = InferGlobalPool,
            .expand = [](GraphBuilder& b, const OpContext& op, std::span<const Value> x) -> Values {
              return {Max({b, x[0]}, SpatialAxesOf(op), true)};
            },
            .vjp = VjpGlobalMaxPool},
      OpDef{.name = "global_avg_pool",
            .doc = average_doc,
            .example = "global_avg_pool([[[1, 2, 3], [6, 5, 4]]]) = [[[2], [5]]]",
            .signature = signature,
            .infer = InferGlobalPool,
            .expand = [](GraphBuilder& b, const OpContext& op, std::span<const Value> x) -> Values {
              return {Mean({b, x[0]}, SpatialAxesOf(op), true)};
            }},
      OpDef{.name = "global_lp_pool",
            .doc = power_doc,
            .example = "global_lp_pool([[[3, 4], [0, 1]]]) = [[[5], [1]]]",
            .signature = with_power,
            .infer = InferGlobalLpPool,
            .expand = [](GraphBuilder& b, const OpContext& op, std::span<const Value> x) -> Values {
              return {PowerMean({b, x[0]}, op.attributes.Float("p"), SpatialAxesOf(op))};
            },
            .vjp = [](const VjpContext& v) -> Values {
              return {PowerMeanGradient(Operand(v, 0), ResultOf(v), Gradient(v),
                                        v.op.attributes.Float("p"))};
            }}};
}

}  // namespace

std::span<const OpDef> GlobalPoolOps() {
  static const std::vector<OpDef> kOps = [] {
    std::vector<OpDef> ops = GlobalPools();
    for (const auto& pools : {AdaptivePools<1>(), AdaptivePools<2>(), AdaptivePools<3>()})
      ops.insert(ops.end(), pools.begin(), pools.end());
    return ops;
  }();
  return kOps;
}

}  // namespace descent
