// Sliding windows over images [batch, channels, height, width], and pooling.

#include <array>
#include <limits>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using enum ScalarOp;
using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

/// One spatial axis: element k of window o lies at o * stride + k * dilation - low.
struct WindowAxis {
  int64_t input, kernel, stride, low, high, dilation;

  int64_t span() const { return (kernel - 1) * dilation + 1; }
  int64_t windows() const { return (input + low + high - span()) / stride + 1; }
};
using WindowAxes = std::array<WindowAxis, 2>;

/// Keeps products with an extent within 64 bits.
constexpr int64_t kMaxStep = int64_t{1} << 20;

/// Empty stride: windows side by side.
WindowAxes AxesOf(const Attributes& attributes, std::span<const int64_t> size,
                  std::span<const int64_t> kernel) {
  WindowAxes axes;
  for (int i = 0; i < 2; ++i) {
    const Ints& stride = attributes.Ints("stride");
    axes[i] = {.input = size[i],
               .kernel = kernel[i],
               .stride = stride.empty() ? kernel[i] : stride[i],
               .low = attributes.Ints("padding")[i],
               .high = attributes.Ints("padding")[2 + i],
               .dilation = attributes.Ints("dilation")[i]};
  }
  return axes;
}

Result<void> CheckPositive(const Attributes& attributes, std::string_view name, bool may_be_empty) {
  const Ints& values = attributes.Ints(name);
  if (may_be_empty && values.empty()) return {};
  if (values.size() != 2) return Error("{} needs 2 numbers, not {}", name, values.size());
  for (const int64_t value : values)
    if (value < 1 || value > kMaxStep)
      return Error("{} must be between 1 and {}, not {}", name, kMaxStep, value);
  return {};
}

Result<void> CheckAttributes(const Attributes& attributes, bool default_stride) {
  DESCENT_RETURN_IF_ERROR(CheckPositive(attributes, "stride", default_stride));
  DESCENT_RETURN_IF_ERROR(CheckPositive(attributes, "dilation", false));
  const Ints& padding = attributes.Ints("padding");
  if (padding.size() != 4)
    return Error("padding needs 4 numbers [top, left, bottom, right], not {}", padding.size());
  for (const int64_t value : padding)
    if (value > kMaxElements || value < -kMaxElements) return Error("padding is too large");
  return {};
}

Result<void> CheckAxes(const WindowAxes& axes) {
  for (const WindowAxis& axis : axes)
    if (axis.input + axis.low + axis.high < axis.span())
      return Error("the window of {} is larger than the padded input of {}", axis.span(),
                   axis.input + axis.low + axis.high);
  return {};
}

std::span<const int64_t> SpatialExtents(const Shape& image) {
  return std::span(image).subspan(2, 2);
}

Result<WindowAxes> CheckedAxes(const OpContext& op, bool default_stride) {
  if (op.operands[0].rank() != 4)
    return Error("x must be [batch, channels, height, width], not {}", ToString(op.shape(0)));
  DESCENT_RETURN_IF_ERROR(CheckPositive(op.attributes, "kernel", false));
  DESCENT_RETURN_IF_ERROR(CheckAttributes(op.attributes, default_stride));
  const WindowAxes axes =
      AxesOf(op.attributes, SpatialExtents(op.shape(0)), op.attributes.Ints("kernel"));
  DESCENT_RETURN_IF_ERROR(CheckAxes(axes));
  return axes;
}

// ---- unfold and fold ---------------------------------------------------------------------------

Shape WindowsShape(const Shape& image, const WindowAxes& axes) {
  return {image[0], image[1], axes[0].windows(), axes[1].windows(), axes[0].kernel, axes[1].kernel};
}

Result<std::vector<TensorType>> InferUnfold(const OpContext& op) {
  DESCENT_TRY(axes, CheckedAxes(op, false));
  return OneResult(op.dtype(0), WindowsShape(op.shape(0), axes));
}

/// Axes [batch, channel, oh, ow, kh, kw].
TensorExpr DefineUnfold(const OpContext& op) {
  const WindowAxes axes =
      AxesOf(op.attributes, SpatialExtents(op.shape(0)), op.attributes.Ints("kernel"));
  TensorExpr expr{.axes = WindowsShape(op.shape(0), axes), .rank = 6};
  Read read{.operand = 0, .coordinates = {Axis(0), Axis(1)}};
  for (int i = 0; i < 2; ++i) {
    const WindowAxis& axis = axes[i];
    const Index place =
        Axis(2 + i) * axis.stride + Axis(4 + i) * axis.dilation + ConstantIndex(-axis.low);
    const int64_t last = (axis.windows() - 1) * axis.stride + axis.span() - 1 - axis.low;
    if (axis.low > 0 || last >= axis.input) read.guards.push_back({place, axis.input});
    read.coordinates.push_back(place);
  }
  if (!read.guards.empty())
    read.outside = ConstantScalar(op.dtype(0), op.attributes.Float("value"));
  expr.reads = {std::move(read)};
  expr.results = {ReadScalar(0, op.dtype(0))};
  return expr;
}

Expr Unfold(Expr x, const Attributes& window, Ints kernel, double outside) {
  return {
      x.builder(),
      x.builder().Add("unfold", {x},
                      {{"kernel", kernel},
                       {"stride", window.Ints("stride").empty() ? kernel : window.Ints("stride")},
                       {"padding", window.Ints("padding")},
                       {"dilation", window.Ints("dilation")},
                       {"value", outside}})};
}

/// The adjoint of Unfold onto images of `size`.
Expr Fold(Expr windows, const Attributes& window, std::span<const int64_t> size) {
  const Shape shape = windows.shape();
  const Ints& stride = window.Ints("stride");
  return {windows.builder(),
          windows.builder().Add("fold", {windows},
                                {{"size", Ints(size.begin(), size.end())},
                                 {"stride", stride.empty() ? Ints{shape[4], shape[5]} : stride},
                                 {"padding", window.Ints("padding")},
                                 {"dilation", window.Ints("dilation")}})};
}

Result<std::vector<TensorType>> InferFold(const OpContext& op) {
  const Shape& x = op.shape(0);
  if (x.size() != 6)
    return Error("x must be [batch, channels, rows, columns, kh, kw], not {}", ToString(x));
  DESCENT_RETURN_IF_ERROR(CheckAttributes(op.attributes, false));
  const Ints& size = op.attributes.Ints("size");
  if (size.size() != 2 || !CheckedElements(size))
    return Error("size needs 2 extents [height, width], not {}", ToString(size));
  if (x[4] < 1 || x[5] < 1) return Error("the windows of {} are empty", ToString(x));
  const WindowAxes axes = AxesOf(op.attributes, size, std::span(x).subspan(4, 2));
  DESCENT_RETURN_IF_ERROR(CheckAxes(axes));
  if (x[2] != axes[0].windows() || x[3] != axes[1].windows())
    return Error("images of {} have {} x {} such windows, not {} x {}", ToString(size),
                 axes[0].windows(), axes[1].windows(), x[2], x[3]);
  return OneResult(op.dtype(0), {x[0], x[1], size[0], size[1]});
}

/// Axes [batch, channel, h, w | kh, kw]: of each window element that lies at (h, w), if there is
/// one.
TensorExpr DefineFold(const OpContext& op) {
  const Shape& x = op.shape(0);
  const WindowAxes axes =
      AxesOf(op.attributes, op.attributes.Ints("size"), std::span(x).subspan(4, 2));
  const DType dtype = op.dtype(0);
  TensorExpr expr{.axes = {x[0], x[1], axes[0].input, axes[1].input, x[4], x[5]}, .rank = 4};
  Read read{.operand = 0, .coordinates = {Axis(0), Axis(1)}, .outside = ConstantScalar(dtype, 0)};
  for (int i = 0; i < 2; ++i) {
    const WindowAxis& axis = axes[i];
    const Index start = Axis(2 + i) + Axis(4 + i) * -axis.dilation + ConstantIndex(axis.low);
    if (axis.stride > 1) read.guards.push_back({Mod(start, axis.stride), 1});
    const Index window = FloorDiv(start, axis.stride);
    read.guards.push_back({window, axis.windows()});
    read.coordinates.push_back(window);
  }
  read.coordinates.push_back(Axis(4));
  read.coordinates.push_back(Axis(5));
  expr.reads = {std::move(read)};
  const Scalar sum = Accumulator(0, dtype);
  expr.reducer = {.init = {ConstantScalar(dtype, 0)},
                  .step = {Call(kAdd, {sum, ReadScalar(0, dtype)})},
                  .combine = {Call(kAdd, {sum, Other(0, dtype)})}};
  expr.results = {sum};
  return expr;
}

Values VjpUnfold(const VjpContext& v) {
  return {Fold(Gradient(v), v.op.attributes, SpatialExtents(v.op.shape(0)))};
}

Values VjpFold(const VjpContext& v) {
  const Shape& x = v.op.shape(0);
  return {Unfold(Gradient(v), v.op.attributes, {x[4], x[5]}, 0)};
}

// ---- pooling -----------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferPool(const OpContext& op) {
  DESCENT_TRY(axes, CheckedAxes(op, true));
  for (const WindowAxis& axis : axes)
    if (axis.low < 0 || axis.high < 0 || 2 * axis.low > axis.span() || 2 * axis.high > axis.span())
      return Error("padding must be between 0 and half of the window, {}", axis.span() / 2);
  return OneResult(op.dtype(0),
                   {op.shape(0)[0], op.shape(0)[1], axes[0].windows(), axes[1].windows()});
}

Expr MaxPoolWindows(Expr x, const Attributes& attributes) {
  return Unfold(x, attributes, attributes.Ints("kernel"), -std::numeric_limits<double>::infinity());
}

Values ExpandMaxPool(GraphBuilder& b, const OpContext& op, std::span<const Value> x) {
  return {Max(MaxPoolWindows({b, x[0]}, op.attributes), {4, 5})};
}

/// The first maximum of each window gets its gradient.
Values VjpMaxPool(const VjpContext& v) {
  const Expr windows = MaxPoolWindows(Operand(v, 0), v.op.attributes);
  const Shape shape = windows.shape();
  const int64_t elements = shape[4] * shape[5];
  const Shape flat = {shape[0], shape[1], shape[2], shape[3], elements};
  const Expr first = ArgMax(Reshape(windows, flat), 4, true);
  const Expr place = Iota(v.b, {1, 1, 1, 1, elements}, 4, DType::kI64);
  const Expr chosen = Where(Equal(place, first), Unsqueeze(Gradient(v), 4), 0.0);
  return {Fold(Reshape(chosen, shape), v.op.attributes, SpatialExtents(v.op.shape(0)))};
}

Values ExpandAveragePool(GraphBuilder& b, const OpContext& op, std::span<const Value> x) {
  return {Mean(Unfold({b, x[0]}, op.attributes, op.attributes.Ints("kernel"), 0), {4, 5})};
}

// ---- signatures --------------------------------------------------------------------------------

AttributeSpec IntsAttribute(std::string_view name, std::optional<Attribute> value,
                            std::string_view doc) {
  return {name, AttributeKind::kInts, std::move(value), doc};
}

AttributeSpec Kernel() { return IntsAttribute("kernel", {}, "extents of the window"); }
AttributeSpec Padding(std::string_view doc) { return IntsAttribute("padding", Ints(4, 0), doc); }
AttributeSpec Dilation() {
  return IntsAttribute("dilation", Ints{1, 1}, "distance of window elements");
}
AttributeSpec Stride() { return IntsAttribute("stride", Ints{1, 1}, "distance of windows"); }

Signature PoolSignature() {
  return {.operands = {{"x", DTypeClass::kFloat}},
          .attributes = {Kernel(),
                         IntsAttribute("stride", Ints{}, "distance of windows; empty: kernel"),
                         Padding("elements around x [top, left, bottom, right], at most half of "
                                 "the window"),
                         Dilation()}};
}

}  // namespace

std::span<const OpDef> WindowOps() {
  static const std::array kOps = {
      OpDef{.name = "unfold",
            .doc = "All windows of images.\n\n`y[n, c, i, j, k, l] = x[n, c, i*stride + "
                   "k*dilation - top, j*stride + l*dilation - left]`, and `value` outside of x. "
                   "From [batch, channels, height, width] to [batch, channels, rows, columns, kh, "
                   "kw]. Gradient: fold of `g`.",
            .signature = {.operands = {{"x", DTypeClass::kNumeric}},
                          .attributes = {Kernel(),
                                         Stride(),
                                         Padding("elements around x [top, left, bottom, right]; "
                                                 "negative: cropped"),
                                         Dilation(),
                                         {"value", AttributeKind::kFloat, Attribute(0.0),
                                          "what is outside of x"}}},
            .infer = InferUnfold,
            .define = DefineUnfold,
            .vjp = VjpUnfold},
      OpDef{
          .name = "fold",
          .doc = "Windows added up to images: the adjoint of unfold.\n\nEach element of the "
                 "result is the sum of the window elements at its place. From [batch, channels, "
                 "rows, columns, kh, kw] to [batch, channels, height, width]. Gradient: unfold "
                 "of `g`.",
          .signature = {.operands = {{"x", DTypeClass::kNumeric}},
                        .attributes = {IntsAttribute("size", {}, "height and width of the result"),
                                       Stride(),
                                       Padding("as that of unfold: dropped from the result"),
                                       Dilation()}},
          .infer = InferFold,
          .define = DefineFold,
          .vjp = VjpFold},
      OpDef{.name = "max_pool2d",
            .doc = "Largest element of each window.\n\nx is [batch, channels, height, width]; "
                   "padding is -infinity; `floor((height + top + bottom - span) / stride) + 1` "
                   "windows a column. Gradient: `g` to the first maximum of each window.",
            .signature = PoolSignature(),
            .infer = InferPool,
            .expand = ExpandMaxPool,
            .vjp = VjpMaxPool},
      OpDef{.name = "avg_pool2d",
            .doc = "Mean of each window.\n\nAs max_pool2d; padding is 0 and counts. Gradient: `g "
                   "/ count` to each element of a window.",
            .signature = PoolSignature(),
            .infer = InferPool,
            .expand = ExpandAveragePool},
  };
  return kOps;
}

}  // namespace descent
