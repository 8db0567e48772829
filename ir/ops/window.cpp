// Sliding windows over the axes of a tensor.

#include "ir/ops/window.h"

#include <algorithm>
#include <array>

#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

namespace {

Attributes WindowAttributes(const std::vector<SpatialAxis>& axes, int first) {
  Ints stride, dilation;
  for (const SpatialAxis& axis : axes) {
    stride.push_back(axis.stride);
    dilation.push_back(axis.dilation);
  }
  return {{"stride", stride},
          {"padding", PaddingOf(axes)},
          {"dilation", dilation},
          {"axis", int64_t{first}}};
}

}  // namespace

Expr Unfold(Expr x, const std::vector<SpatialAxis>& axes, int first, double outside) {
  Attributes attributes = WindowAttributes(axes, first);
  Ints kernel;
  for (const SpatialAxis& axis : axes) kernel.push_back(axis.kernel);
  attributes.Set("kernel", kernel);
  attributes.Set("value", outside);
  return {x.builder(), x.builder().Add("unfold", {x}, std::move(attributes))};
}

Expr Fold(Expr windows, const std::vector<SpatialAxis>& axes, int first) {
  Attributes attributes = WindowAttributes(axes, first);
  Ints size;
  for (const SpatialAxis& axis : axes) size.push_back(axis.input);
  attributes.Set("size", size);
  return {windows.builder(), windows.builder().Add("fold", {windows}, std::move(attributes))};
}

namespace {

using enum ScalarOp;

// ---- attributes --------------------------------------------------------------------------------

/// The list, or `count` times `value` when it is empty.
Ints OrDefault(const Ints& list, size_t count, int64_t value) {
  return list.empty() ? Ints(count, value) : list;
}

/// Attributes with the lists spelt out that may be empty.
Attributes Complete(const Attributes& attributes, size_t count) {
  Attributes complete = attributes;
  complete.Set("stride", OrDefault(attributes.Ints("stride"), count, 1));
  complete.Set("dilation", OrDefault(attributes.Ints("dilation"), count, 1));
  complete.Set("padding", OrDefault(attributes.Ints("padding"), 2 * count, 0));
  return complete;
}

/// Number of axes and where they begin in an image of `rank` axes; checks lists and padding.
Result<int> CheckedFirst(const OpContext& op, std::string_view list, int rank) {
  const Ints& values = op.attributes.Ints(list);
  const int count = static_cast<int>(values.size());
  const int64_t first = op.attributes.Int("axis");
  if (values.empty() || count > kMaxRank || first < 0 || first > rank || first + count > rank)
    return Error("{} {} stands for {} axes from axis {} on, which {} does not have", list,
                 ToString(values), count, first, ToString(op.shape(0)));
  const Attributes complete = Complete(op.attributes, values.size());
  DESCENT_RETURN_IF_ERROR(CheckSteps(complete, {"stride", "dilation"}, count));
  DESCENT_RETURN_IF_ERROR(CheckPadding(complete, count));
  return static_cast<int>(first);
}

/// Of unfold, or of fold with the extents of its result.
Windows WindowsOf(const OpContext& op, std::span<const int64_t> input,
                  std::span<const int64_t> kernel) {
  return {static_cast<int>(op.attributes.Int("axis")),
          SpatialAxesOf(Complete(op.attributes, kernel.size()), input, kernel)};
}

}  // namespace

Windows UnfoldWindows(const OpContext& op) {
  const Ints& kernel = op.attributes.Ints("kernel");
  return WindowsOf(op, std::span(op.shape(0)).subspan(op.attributes.Int("axis"), kernel.size()),
                   kernel);
}

Windows FoldWindows(const OpContext& op) {
  const Ints& size = op.attributes.Ints("size");
  return WindowsOf(op, size, std::span(op.shape(0)).last(size.size()));
}

namespace {

// ---- unfold ------------------------------------------------------------------------------------

Shape UnfoldedShape(const Shape& x, const Windows& windows) {
  Shape shape = x;
  for (int i = 0; i < windows.count(); ++i) {
    shape[windows.first + i] = windows.axes[i].output();
    shape.push_back(windows.axes[i].kernel);
  }
  return shape;
}

Result<std::vector<TensorType>> InferUnfold(const OpContext& op) {
  DESCENT_TRY(first, CheckedFirst(op, "kernel", op.operands[0].rank()));
  DESCENT_RETURN_IF_ERROR(
      CheckSteps(op.attributes, {"kernel"}, static_cast<int>(op.attributes.Ints("kernel").size())));
  const Windows windows = UnfoldWindows(op);
  DESCENT_CHECK(first == windows.first, "checked axis");
  DESCENT_RETURN_IF_ERROR(CheckWindows(windows.axes));
  return OneResult(op.dtype(0), UnfoldedShape(op.shape(0), windows));
}

/// Axes [x with windows in the place of extents..., kernel...].
TensorExpr DefineUnfold(const OpContext& op) {
  const Windows windows = UnfoldWindows(op);
  const int rank = op.operands[0].rank();
  TensorExpr expr = Moved(op, UnfoldedShape(op.shape(0), windows), AxisRange(0, rank));
  Read& read = expr.reads[0];
  for (int i = 0; i < windows.count(); ++i)
    read.coordinates[windows.first + i] =
        WindowRead(windows.axes[i], Axis(windows.first + i), Axis(rank + i), read.guards);
  if (!read.guards.empty())
    read.outside = ConstantScalar(op.dtype(0), op.attributes.Float("value"));
  return expr;
}

Values VjpUnfold(const VjpContext& v) {
  const Windows windows = UnfoldWindows(v.op);
  return {Fold(Gradient(v), windows.axes, windows.first)};
}

// ---- fold --------------------------------------------------------------------------------------

Shape FoldedShape(const Shape& x, const Windows& windows) {
  Shape shape(x.begin(), x.end() - windows.count());
  for (int i = 0; i < windows.count(); ++i) shape[windows.first + i] = windows.axes[i].input;
  return shape;
}

Result<std::vector<TensorType>> InferFold(const OpContext& op) {
  const Ints& size = op.attributes.Ints("size");
  const int count = static_cast<int>(std::min<size_t>(size.size(), kMaxRank));
  DESCENT_TRY(first, CheckedFirst(op, "size", op.operands[0].rank() - count));
  if (!CheckedElements(size)) return Error("size {} is no shape", ToString(size));
  const Windows windows = FoldWindows(op);
  DESCENT_RETURN_IF_ERROR(CheckWindows(windows.axes));
  for (int i = 0; i < count; ++i)
    if (op.shape(0)[first + i] != windows.axes[i].output())
      return Error("an extent of {} has {} such windows, not {} as x {}", size[i],
                   windows.axes[i].output(), op.shape(0)[first + i], ToString(op.shape(0)));
  return OneResult(op.dtype(0), FoldedShape(op.shape(0), windows));
}

/// Axes [result... | kernel...]: of each window element that lies at the place, if there is one.
TensorExpr DefineFold(const OpContext& op) {
  const Windows windows = FoldWindows(op);
  const DType dtype = op.dtype(0);
  TensorExpr expr{.axes = FoldedShape(op.shape(0), windows)};
  expr.rank = static_cast<int>(expr.axes.size());
  Read read{.operand = 0, .coordinates = AxisRange(0, expr.rank)};
  for (int i = 0; i < windows.count(); ++i) {
    const SpatialAxis& axis = windows.axes[i];
    const Index k = Axis(expr.rank + i);
    expr.axes.push_back(axis.kernel);
    const Index start = Axis(windows.first + i) + k * -axis.dilation + ConstantIndex(axis.low);
    if (axis.stride > 1) read.guards.push_back({Mod(start, axis.stride), 1});
    const Index window = FloorDiv(start, axis.stride);
    read.guards.push_back({window, axis.output()});
    read.coordinates[windows.first + i] = window;
    read.coordinates.push_back(k);
  }
  read.outside = ConstantScalar(dtype, 0);
  expr.reads = {std::move(read)};
  const Scalar sum = Accumulator(0, dtype);
  expr.reducer = {.init = {ConstantScalar(dtype, 0)},
                  .step = {Call(kAdd, {sum, ReadScalar(0, dtype)})},
                  .combine = {Call(kAdd, {sum, Other(0, dtype)})}};
  expr.results = {sum};
  return expr;
}

Values VjpFold(const VjpContext& v) {
  const Windows windows = FoldWindows(v.op);
  return {Unfold(Gradient(v), windows.axes, windows.first, 0)};
}

// ---- signatures --------------------------------------------------------------------------------

AttributeSpec Stride() { return IntsAttribute("stride", Ints{}, "distance of windows; empty: 1"); }
AttributeSpec Padding(std::string_view doc) { return IntsAttribute("padding", Ints{}, doc); }
AttributeSpec Dilation() {
  return IntsAttribute("dilation", Ints{}, "distance of window elements; empty: 1");
}
AttributeSpec FirstAxis() {
  return {"axis", AttributeKind::kInt, Attribute(int64_t{2}),
          "first of the axes that windows slide over"};
}

}  // namespace

std::span<const OpDef> WindowOps() {
  static const std::array kOps = {
      OpDef{.name = "unfold",
            .doc = "All windows of a tensor.\n\n`y[n, c, i, j, k, l] = x[n, c, i*stride + "
                   "k*dilation - top, j*stride + l*dilation - left]`, and `value` outside of x; "
                   "here of images [batch, channels, height, width], to [batch, channels, rows, "
                   "columns, kh, kw]. In general windows slide over as many axes as `kernel` has "
                   "numbers, from `axis` on; their extents become numbers of windows, and the "
                   "axes of a window follow behind all others. PyTorch's unfold is the same with "
                   "its axes merged to [batch, channels kh kw, rows columns]. Gradient: fold of "
                   "`g`.",
            .example = "unfold([1, 2, 3, 4], kernel=[2], axis=0) = [[1, 2], [2, 3], [3, 4]]",
            .signature = {.operands = {{"x", DTypeClass::kNumeric}},
                          .attributes = {IntsAttribute("kernel", {}, "extents of the window"),
                                         Stride(),
                                         Padding("elements around x, all low ends before all high "
                                                 "ends; negative: cropped; empty: none"),
                                         Dilation(),
                                         FirstAxis(),
                                         {"value", AttributeKind::kFloat, Attribute(0.0),
                                          "what is outside of x"}}},
            .infer = InferUnfold,
            .define = DefineUnfold,
            .vjp = VjpUnfold},
      OpDef{.name = "fold",
            .doc = "Windows added up to a tensor: the adjoint of unfold.\n\nEach element of the "
                   "result is the sum of the window elements at its place. From [batch, channels, "
                   "rows, columns, kh, kw] to [batch, channels, height, width] where `size` has "
                   "two numbers; in general as unfold (torch.nn.functional.fold, but for the "
                   "order of axes). Gradient: unfold of `g`.",
            .example = "fold([[1, 2], [2, 3], [3, 4]], size=[4], axis=0) = [1, 4, 6, 4]",
            .signature =
                {.operands = {{"x", DTypeClass::kNumeric}},
                 .attributes = {IntsAttribute("size", {}, "extents that the windows come from"),
                                Stride(), Padding("as that of unfold: dropped from the result"),
                                Dilation(), FirstAxis()}},
            .infer = InferFold,
            .define = DefineFold,
            .vjp = VjpFold},
  };
  return kOps;
}

}  // namespace descent
