// Pools: one number of each window of an image.

#include "ir/ops/pool.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "ir/ops/families.h"
#include "ir/ops/shapes.h"
#include "ir/ops/window.h"

namespace descent {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

Expr AtFirstMaximum(Expr windows, Expr g, int axis) {
  Shape line(windows.rank(), 1);
  line[axis] = windows.shape()[axis];
  const Expr place = Iota(windows.builder(), line, axis, DType::kI64);
  return Where(Equal(place, ArgMax(windows, axis, true)), g, 0.0);
}

Expr PowerMean(Expr x, double p, Ints axes) {
  if (p == 1) return Sum(Abs(x), std::move(axes), true);
  if (p == 2) return Sqrt(Sum(Square(x), std::move(axes), true));
  return Pow(Sum(Pow(Abs(x), x.Like(p)), std::move(axes), true), x.Like(1 / p));
}

Expr PowerMeanGradient(Expr x, Expr y, Expr g, double p) {
  if (p == 1) return g * Sign(x);
  const Expr share = p == 2 ? x / y : Sign(x) * Pow(Abs(x) / y, x.Like(p - 1));
  return Where(Greater(y, 0.0), g * share, 0.0);
}

namespace {

struct Pool {
  ImageLayout layout;
  int rank;                         ///< of the image
  std::vector<SpatialAxis> axes;    ///< the high ends make room for windows of the ceil mode
  std::vector<int64_t> given_high;  ///< high ends as given

  int spatial() const { return static_cast<int>(axes.size()); }
  /// Axes of the window elements behind those of the image.
  Ints window_axes() const {
    Ints axes_of_window(axes.size());
    std::iota(axes_of_window.begin(), axes_of_window.end(), rank);
    return axes_of_window;
  }
};

/// In ceil mode a last window is added that leaves the input, if it begins inside or in the low
/// padding (PyTorch).
int64_t CeilWindows(const SpatialAxis& axis) {
  const int64_t rest = axis.dilated_input() + axis.low + axis.high - axis.span();
  const int64_t windows = (rest + axis.stride - 1) / axis.stride + 1;
  return (windows - 1) * axis.stride >= axis.input + axis.low ? windows - 1 : windows;
}

Pool PoolOf(const OpContext& op) {
  const Shape& x = op.shape(0);
  const int spatial = static_cast<int>(x.size()) - 2;
  const ImageLayout layout = LayoutOf(op.attributes, spatial);
  Pool pool{layout,
            op.operands[0].rank(),
            SpatialAxesOf(op.attributes, std::span(x).subspan(layout.spatial, spatial),
                          op.attributes.Ints("kernel")),
            {}};
  for (SpatialAxis& axis : pool.axes) {
    pool.given_high.push_back(axis.high);
    if (op.attributes.Bool("ceil_mode")) axis = axis.WithOutput(CeilWindows(axis));
  }
  return pool;
}

}  // namespace

std::vector<SpatialAxis> PoolAxes(const OpContext& op) { return PoolOf(op).axes; }

namespace {

Shape PooledShape(const OpContext& op, const Pool& pool) {
  Shape shape = op.shape(0);
  for (int i = 0; i < pool.spatial(); ++i) shape[pool.layout.spatial + i] = pool.axes[i].output();
  return shape;
}

template <int kSpatial>
Result<std::vector<TensorType>> InferPool(const OpContext& op) {
  if (op.operands[0].rank() != kSpatial + 2)
    return Error("x must be {}, not {}", ImageText(op.attributes, kSpatial), ToString(op.shape(0)));
  DESCENT_RETURN_IF_ERROR(CheckSteps(op.attributes, {"kernel", "dilation"}, kSpatial));
  if (!op.attributes.Ints("stride").empty())
    DESCENT_RETURN_IF_ERROR(CheckSteps(op.attributes, {"stride"}, kSpatial));
  DESCENT_RETURN_IF_ERROR(CheckPadding(op.attributes, kSpatial));
  if (op.attributes.Bool("ceil_mode") && op.attributes.String("auto_pad") == "same")
    return Error("ceil_mode has no place where auto_pad = same fixes the extents");
  Pool pool = PoolOf(op);
  for (int i = 0; i < kSpatial; ++i) {
    SpatialAxis given = pool.axes[i];
    given.high = pool.given_high[i];
    if (given.low < 0 || given.high < 0 || 2 * given.low > given.span() ||
        2 * given.high > given.span())
      return Error("padding must be between 0 and half of the window, {}", given.span() / 2);
    DESCENT_RETURN_IF_ERROR(CheckWindows({&given, 1}));
  }
  Shape windows = PooledShape(op, pool);
  for (const SpatialAxis& axis : pool.axes) windows.push_back(axis.kernel);
  if (!CheckedElements(windows))
    return Error("the windows {} would have more than 2^40 elements", ToString(windows));
  return OneResult(op.dtype(0), PooledShape(op, pool));
}

Expr WindowsOf(Expr x, const Pool& pool, double outside) {
  return Unfold(x, pool.axes, pool.layout.spatial, outside);
}

// ---- max ---------------------------------------------------------------------------------------

constexpr double kLowest = -std::numeric_limits<double>::infinity();

Values ExpandMaxPool(GraphBuilder& b, const OpContext& op, std::span<const Value> x) {
  const Pool pool = PoolOf(op);
  return {Max(WindowsOf({b, x[0]}, pool, kLowest), pool.window_axes())};
}

Values VjpMaxPool(const VjpContext& v) {
  const Pool pool = PoolOf(v.op);
  const Expr windows = WindowsOf(Operand(v, 0), pool, kLowest);
  const Shape shape = windows.shape();
  Shape flat(shape.begin(), shape.begin() + pool.rank);
  flat.push_back(ElementsOf(shape, pool.rank, static_cast<int>(shape.size())));
  const Expr chosen =
      AtFirstMaximum(Reshape(windows, flat), Unsqueeze(Gradient(v), pool.rank), pool.rank);
  return {Fold(Reshape(chosen, shape), pool.axes, pool.layout.spatial)};
}

// ---- avg ---------------------------------------------------------------------------------------

/// Whether every element of every window counts.
bool CountsAll(const OpContext& op, const Pool& pool) {
  const bool include_pad = op.attributes.Bool("count_include_pad");
  for (int i = 0; i < pool.spatial(); ++i) {
    const SpatialAxis& axis = pool.axes[i];
    if (axis.high > pool.given_high[i]) return false;
    if (!include_pad && (axis.low > 0 || axis.high > 0)) return false;
  }
  return true;
}

/// Elements that count in each window along one axis, as it broadcasts to the result: windows of
/// ones where elements count.
Expr CountAlong(GraphBuilder& b, const OpContext& op, const Pool& pool, int i) {
  SpatialAxis axis = pool.axes[i];
  const int64_t windows = axis.output();
  if (op.attributes.Bool("count_include_pad")) {
    axis.input += axis.low + pool.given_high[i];
    axis.low = 0;
  }
  Shape shape(pool.rank, 1);
  shape[pool.layout.spatial + i] = windows;
  const Expr ones = Filled(b, {axis.input}, op.dtype(0), 1);
  return Reshape(Sum(Unfold(ones, {axis.WithOutput(windows)}, 0, 0), {1}), shape);
}

Values ExpandAveragePool(GraphBuilder& b, const OpContext& op, std::span<const Value> x) {
  const Pool pool = PoolOf(op);
  const Expr windows = WindowsOf({b, x[0]}, pool, 0);
  if (CountsAll(op, pool)) return {Mean(windows, pool.window_axes())};
  Expr y = Sum(windows, pool.window_axes());
  for (int i = 0; i < pool.spatial(); ++i) y = y / Maximum(CountAlong(b, op, pool, i), 1.0);
  return {y};
}

// ---- lp ----------------------------------------------------------------------------------------

Result<void> CheckPower(const OpContext& op) {
  const double p = op.attributes.Float("p");
  if (p >= 1 && std::isfinite(p)) return {};
  return Error("p must be at least 1 and finite, not {}", p);
}

template <int kSpatial>
Result<std::vector<TensorType>> InferLpPool(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckPower(op));
  return InferPool<kSpatial>(op);
}

Values ExpandLpPool(GraphBuilder& b, const OpContext& op, std::span<const Value> x) {
  const Pool pool = PoolOf(op);
  const Expr y =
      PowerMean(WindowsOf({b, x[0]}, pool, 0), op.attributes.Float("p"), pool.window_axes());
  return {Reshape(y, PooledShape(op, pool))};
}

Values VjpLpPool(const VjpContext& v) {
  const Pool pool = PoolOf(v.op);
  const Expr windows = WindowsOf(Operand(v, 0), pool, 0);
  Shape kept = v.b.shape(v.results[0]);
  kept.insert(kept.end(), pool.spatial(), 1);
  const Expr chosen = PowerMeanGradient(windows, Reshape(ResultOf(v), kept),
                                        Reshape(Gradient(v), kept), v.op.attributes.Float("p"));
  return {Fold(chosen, pool.axes, pool.layout.spatial)};
}

// ---- literals ----------------------------------------------------------------------------------

constexpr std::string_view kCommonDoc =
    " x is {2}, or channels last with `layout=nhwc`; `floor((n + low + high - span) / stride) + "
    "1` windows along an axis of n elements, `span = dilation * (kernel - 1) + 1`. In `ceil_mode` "
    "one more where elements remain and it begins inside of x or its low padding; with "
    "`auto_pad=same`, `ceil(n / stride)`{1}.";

constexpr std::string_view kMaxDoc =
    "Largest element of each window over {0}.\n\nThe padding counts as -infinity; NaN wins.{5} "
    "Gradient: `g` to the first maximum of each window in row-major order (torch.nn.MaxPool{4}d).";
constexpr std::string_view kAverageDoc =
    "Mean of each window over {0}.\n\nPadding is 0 and counts, unless `count_include_pad` is "
    "false; "
    "what ceil_mode adds behind it never counts; a window of none gives 0.{5} Gradient: `g / "
    "count` to each element of a window (torch.nn.AvgPool{4}d).";
constexpr std::string_view kPowerDoc =
    "The p-norm of each window over {0}.\n\n`y = (sum |x|^p)^(1/p)` over the window, padding "
    "being 0.{5} Gradient: `g * sign(x) * (|x| / y)^(p - 1)` to each element of a window, 0 where "
    "y is 0 (ONNX LpPool).";

constexpr std::string_view kMaxExamples[] = {
    "max_pool1d([[[1, 3, 2, 4, 0]]], kernel=[2], ceil_mode=true) = [[[3, 4, 0]]]",
    "max_pool2d([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]], kernel=[2, 2], stride=[1, 1]) = [[[[5, 6], "
    "[8, 9]]]]",
    "max_pool3d([[[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]], kernel=[2, 2, 1]) = [[[[[7, 8]]]]]"};

constexpr std::string_view kAverageExamples[] = {
    "avg_pool1d([[[1, 3, 2, 4]]], kernel=[2], padding=[1, 1], count_include_pad=false) = [[[1, "
    "2.5, 4]]]",
    "avg_pool2d([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]], kernel=[2, 2], stride=[1, 1]) = [[[[3, 4], "
    "[6, 7]]]]",
    "avg_pool3d([[[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]], kernel=[2, 2, 1]) = [[[[[4, 5]]]]]"};

constexpr std::string_view kPowerExamples[] = {
    "lp_pool1d([[[3, 4, 5, -12]]], kernel=[2]) = [[[5, 13]]]",
    "lp_pool2d([[[[1, 2], [3, 4]]]], kernel=[2, 1], p=1) = [[[[4, 6]]]]",
    "lp_pool3d([[[[[3, 1]], [[4, 0]]]]], kernel=[2, 1, 1]) = [[[[[5, 1]]]]]"};

/// The common part stands where the text says {5}.
std::string PoolDoc(std::string_view text, int spatial) {
  std::string whole(text);
  whole.replace(whole.find("{5}"), 3, kCommonDoc);
  return SpatialDoc(whole, spatial);
}

AttributeSpec BoolAttribute(std::string_view name, bool value, std::string_view doc) {
  return {name, AttributeKind::kBool, Attribute(value), doc};
}

template <int kSpatial>
Signature PoolSignature(std::vector<AttributeSpec> more = {}) {
  Signature signature{
      .operands = {{"x", DTypeClass::kFloat}},
      .attributes = {IntsAttribute("kernel", {}, "extents of the window"),
                     IntsAttribute("stride", Ints{}, "distance of windows; empty: kernel"),
                     PaddingAttribute(kSpatial,
                                      "elements around x, all low ends before all high "
                                      "ends, at most half of the window"),
                     IntsAttribute("dilation", Ints(kSpatial, 1), "distance of window elements"),
                     BoolAttribute("ceil_mode", false, "whether a last, partial window counts"),
                     AutoPadAttribute(), LayoutAttribute()}};
  signature.attributes.insert(signature.attributes.end(), more.begin(), more.end());
  return signature;
}

AttributeSpec Power() {
  return {"p", AttributeKind::kFloat, Attribute(2.0), "the power, at least 1"};
}

template <int kSpatial>
std::array<OpDef, 3> Pools() {
  static const std::string max_name = fmt::format("max_pool{}d", kSpatial),
                           average_name = fmt::format("avg_pool{}d", kSpatial),
                           power_name = fmt::format("lp_pool{}d", kSpatial);
  static const std::string max_doc = PoolDoc(kMaxDoc, kSpatial),
                           average_doc = PoolDoc(kAverageDoc, kSpatial),
                           power_doc = PoolDoc(kPowerDoc, kSpatial);
  return {OpDef{.name = max_name,
                .doc = max_doc,
                .example = kMaxExamples[kSpatial - 1],
                .signature = PoolSignature<kSpatial>(),
                .infer = InferPool<kSpatial>,
                .expand = ExpandMaxPool,
                .vjp = VjpMaxPool},
          OpDef{.name = average_name,
                .doc = average_doc,
                .example = kAverageExamples[kSpatial - 1],
                .signature = PoolSignature<kSpatial>(
                    {BoolAttribute("count_include_pad", true, "whether padding counts")}),
                .infer = InferPool<kSpatial>,
                .expand = ExpandAveragePool},
          OpDef{.name = power_name,
                .doc = power_doc,
                .example = kPowerExamples[kSpatial - 1],
                .signature = PoolSignature<kSpatial>({Power()}),
                .infer = InferLpPool<kSpatial>,
                .expand = ExpandLpPool,
                .vjp = VjpLpPool}};
}

}  // namespace

std::span<const OpDef> PoolOps() {
  static const std::vector<OpDef> kOps = [] {
    std::vector<OpDef> ops;
    for (const auto& pools : {Pools<1>(), Pools<2>(), Pools<3>()})
      ops.insert(ops.end(), pools.begin(), pools.end());
    return ops;
  }();
  return kOps;
}

}  // namespace descent
