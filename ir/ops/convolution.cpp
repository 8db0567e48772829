// Convolutions over 1, 2 and 3 spatial axes. A convolution is a sum of products, which the kernel
// compiler treats like a matrix product; its gradients are convolutions again.

#include "ir/ops/convolution.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>

#include "ir/counts.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

Shape ImageShape(const ImageLayout& layout, int64_t batch, int64_t channels, const Shape& extents) {
  Shape shape = extents;
  shape.insert(shape.begin(), batch);
  shape.insert(shape.begin() + layout.channels, channels);
  return shape;
}

Result<void> CheckConvOperands(const OpContext& op, int spatial, std::string_view w_axes,
                               std::initializer_list<std::string_view> steps) {
  if (op.operands[0].rank() != spatial + 2)
    return Error("x must be {}, not {}", ImageText(op.attributes, spatial), ToString(op.shape(0)));
  if (op.operands[1].rank() != spatial + 2)
    return Error("w must be {}, {} spatial {}], not {}", w_axes, spatial,
                 spatial == 1 ? "axis" : "axes", ToString(op.shape(1)));
  DESCENT_RETURN_IF_ERROR(CheckSteps(op.attributes, steps, spatial));
  return CheckPadding(op.attributes, spatial);
}

Result<void> CheckBias(const OpContext& op, int64_t filters) {
  if (op.operands.size() < 3 || op.shape(2) == Shape{filters}) return {};
  return Error("bias must be [{}], one number per channel of the result, not {}", filters,
               ToString(op.shape(2)));
}

std::vector<OperandSpec> ConvOperands() {
  return {{"x", DTypeClass::kFloat},
          {"w", DTypeClass::kFloat},
          {.name = "bias", .dtypes = DTypeClass::kFloat, .optional = true}};
}

AttributeSpec GroupsAttribute() {
  return {"groups", AttributeKind::kInt, Attribute(int64_t{1}), "independent groups of channels"};
}

// ---- gradients ---------------------------------------------------------------------------------

namespace {

Expr SwapAxes(Expr x, int a, int b) {
  Ints permutation(x.rank());
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation[a], permutation[b]);
  return Transpose(x, permutation);
}

/// The kernel of the adjoint: channel axes swapped within each group, spatial axes flipped.
/// [groups * a, b, k...] becomes [groups * b, a, k...].
Expr AdjointKernel(Expr w, int64_t groups) {
  const Shape shape = w.shape();
  const int spatial = static_cast<int>(shape.size()) - 2;
  const int64_t a = shape[0] / groups, b = shape[1];
  const auto with_kernel = [&](Shape channels) {
    channels.insert(channels.end(), shape.begin() + 2, shape.end());
    return channels;
  };
  Ints flipped(spatial);
  std::iota(flipped.begin(), flipped.end(), 2);
  w = groups == 1 ? SwapAxes(w, 0, 1)
                  : Reshape(SwapAxes(Reshape(w, with_kernel({groups, a, b})), 1, 2),
                            with_kernel({groups * b, a}));
  return Flip(w, flipped);
}

}  // namespace

Expr Convolve(Expr x, Expr w, const std::vector<SpatialAxis>& axes, int64_t groups,
              const ImageLayout& layout) {
  Ints stride, dilation, input_dilation;
  for (const SpatialAxis& axis : axes) {
    stride.push_back(axis.stride);
    dilation.push_back(axis.dilation);
    input_dilation.push_back(axis.input_dilation);
  }
  const std::string layout_name = layout.channels == 1 ? "nchw" : "nhwc";
  return {x.builder(), x.builder().Add(fmt::format("conv{}d", axes.size()), {x, w},
                                       {{"stride", stride},
                                        {"padding", PaddingOf(axes)},
                                        {"dilation", dilation},
                                        {"input_dilation", input_dilation},
                                        {"groups", groups},
                                        {"layout", layout_name}})};
}

namespace {

/// dx[i] = sum over o, k with o * stride + k * dilation - low = i * input_dilation of g[o] w[k]: g
/// dilated by the stride, convolved with the adjoint kernel.
SpatialAxis OfInputGradient(const SpatialAxis& axis) {
  return SpatialAxis{.input = axis.output(),
                     .kernel = axis.kernel,
                     .stride = axis.input_dilation,
                     .low = axis.span() - 1 - axis.low,
                     .dilation = axis.dilation,
                     .input_dilation = axis.stride}
      .WithOutput(axis.input);
}

/// dw[k] = sum over n, o of g[n, o] x~[n, o * stride + k * dilation - low]: x convolved with g,
/// batch and channels having changed places, stride and dilation too.
SpatialAxis OfWeightGradient(const SpatialAxis& axis) {
  return SpatialAxis{.input = axis.input,
                     .kernel = axis.output(),
                     .stride = axis.dilation,
                     .low = axis.low,
                     .dilation = axis.stride,
                     .input_dilation = axis.input_dilation}
      .WithOutput(axis.kernel);
}

std::vector<SpatialAxis> Mapped(const std::vector<SpatialAxis>& axes,
                                SpatialAxis (*map)(const SpatialAxis&)) {
  std::vector<SpatialAxis> result;
  std::ranges::transform(axes, std::back_inserter(result), map);
  return result;
}

}  // namespace

/// Gradients of gradients let input, kernel and result change roles, which makes six convolutions
/// in all.
Result<void> CheckGradientPadding(const std::vector<SpatialAxis>& axes) {
  const auto too_large = [](int64_t value) {
    return value > kMaxElements || value < -kMaxElements;
  };
  for (SpatialAxis axis : axes)
    for (int role = 0; role < 3; ++role)
      for (const auto next : {OfInputGradient, OfWeightGradient}) {
        axis = next(axis);
        if (too_large(axis.low) || too_large(axis.high))
          return Error("padding or dilation is too large for a gradient");
      }
  return {};
}

namespace {

/// More convolutions than this are not worth what they leave out.
constexpr int64_t kMaxPhases = 16;

/// Elements r, r + s, r + 2s, ... of dx along a strided axis take part in windows with the same
/// elements k0, k0 + s, ... of the kernel only: dx in phase r is a convolution of g, not dilated,
/// with that part of the kernel. So no product with one of the zeros between the elements of g is
/// made.
class PhasedInputGradient {
 public:
  PhasedInputGradient(Expr g, Expr w, const Conv& conv)
      : g_(g), w_(w), conv_(conv), axes_(conv.axes) {}

  static bool Fits(const Conv& conv) {
    int64_t phases = 1;
    int64_t elements = SaturatingMultiply(conv.batch, conv.channels);
    for (const SpatialAxis& axis : conv.axes) {
      if (axis.stride > 1 && (axis.dilation > 1 || axis.input_dilation > 1)) return false;
      if (std::max({axis.input, axis.kernel, std::abs(axis.low)}) > kMaxStep) return false;
      phases *= std::min(axis.stride, kMaxPhases + 1);
      if (phases > kMaxPhases) return false;
      elements = SaturatingMultiply(elements, RoundUp(axis.input, axis.stride));
    }
    return phases > 1 && elements <= kMaxElements;
  }

  Expr Run() { return Phases(0, w_); }

 private:
  /// The gradient with axes before `i` in the phases at hand.
  Expr Phases(int i, Expr w) {
    if (i == conv_.spatial()) return Phase(w);
    const SpatialAxis axis = conv_.axes[i];
    if (axis.stride == 1) {
      axes_[i] = OfInputGradient(axis);
      return Phases(i + 1, w);
    }
    std::vector<Value> phases;
    const int64_t extent = (axis.input + axis.stride - 1) / axis.stride;
    for (int64_t r = 0; r < axis.stride; ++r) {
      const int64_t first = FloorMod(r + axis.low, axis.stride);
      const int64_t kernel =
          std::max<int64_t>((axis.kernel - first + axis.stride - 1) / axis.stride, 0);
      const int64_t offset = (r + axis.low - first) / axis.stride;
      axes_[i] = SpatialAxis{.input = axis.output(), .kernel = kernel, .low = kernel - 1 - offset}
                     .WithOutput(extent);
      phases.push_back(
          Phases(i + 1, kernel > 0 ? Slice(w, 2 + i, first, axis.kernel, axis.stride) : w));
    }
    return Interleave(phases, conv_.layout.spatial + i, axis.input);
  }

  Expr Phase(Expr w) {
    const auto extents = [&] {
      Shape shape;
      for (const SpatialAxis& axis : axes_) shape.push_back(axis.output());
      return shape;
    };
    if (std::ranges::any_of(axes_, [](const SpatialAxis& axis) { return axis.kernel == 0; }))
      return Filled(g_.builder(), ImageShape(conv_.layout, conv_.batch, conv_.channels, extents()),
                    g_.dtype(), 0);
    return Convolve(g_, AdjointKernel(w, conv_.groups), axes_, conv_.groups, conv_.layout);
  }

  static int64_t FloorMod(int64_t a, int64_t b) { return (a % b + b) % b; }

  static Expr Slice(Expr x, int axis, int64_t start, int64_t stop, int64_t step) {
    const Shape shape = x.shape();
    Ints starts(shape.size(), 0), stops(shape.begin(), shape.end()), steps(shape.size(), 1);
    starts[axis] = start;
    stops[axis] = stop;
    steps[axis] = step;
    return {x.builder(), x.builder().Add("slice", {x},
                                         {{"starts", starts}, {"stops", stops}, {"steps", steps}})};
  }

  /// Neighbouring elements along `axis` from one phase after the other; `extent` of them.
  Expr Interleave(const std::vector<Value>& phases, int axis, int64_t extent) {
    GraphBuilder& b = g_.builder();
    const Expr stacked{b, b.Add("stack", phases, {{"axis", int64_t{axis + 1}}})};
    Shape shape = stacked.shape();
    shape[axis] *= shape[axis + 1];
    shape.erase(shape.begin() + axis + 1);
    const Expr joined = Reshape(stacked, shape);
    return shape[axis] == extent ? joined : Slice(joined, axis, 0, extent, 1);
  }

  Expr g_, w_;
  const Conv& conv_;
  std::vector<SpatialAxis> axes_;  ///< of the convolution of the phases at hand
};

}  // namespace

Expr InputGradient(Expr g, Expr w, const Conv& conv) {
  if (PhasedInputGradient::Fits(conv)) return PhasedInputGradient(g, w, conv).Run();
  return Convolve(g, AdjointKernel(w, conv.groups), Mapped(conv.axes, OfInputGradient), conv.groups,
                  conv.layout);
}

Expr WeightGradient(Expr x, Expr g, const Conv& conv) {
  const auto with_extents = [&](Shape channels) {
    for (const SpatialAxis& axis : conv.axes) channels.push_back(axis.input);
    return channels;
  };
  const Ints channels_first = ToChannelsFirst(conv.layout, conv.spatial());
  x = Transpose(x, channels_first);
  x = conv.groups == 1
          ? SwapAxes(x, 0, 1)
          : Reshape(
                SwapAxes(Reshape(x, with_extents({conv.batch, conv.groups, conv.group_channels()})),
                         0, 2),
                with_extents({conv.group_channels(), conv.groups * conv.batch}));
  g = SwapAxes(Transpose(g, channels_first), 0, 1);
  return SwapAxes(Convolve(x, g, Mapped(conv.axes, OfWeightGradient), conv.groups,
                           {.channels = 1, .spatial = 2}),
                  0, 1);
}

/// Sum over all axes but that of channels.
Expr BiasGradient(Expr g, const ImageLayout& layout) {
  Ints others;
  for (int i = 0; i < g.rank(); ++i)
    if (i != layout.channels) others.push_back(i);
  return Sum(g, others);
}

// ---- conv1d, conv2d, conv3d --------------------------------------------------------------------

namespace {

using enum ScalarOp;

std::span<const int64_t> SpatialExtents(const Shape& image, const ImageLayout& layout) {
  return std::span(image).subspan(layout.spatial, image.size() - 2);
}

std::span<const int64_t> KernelExtents(const Shape& w) { return std::span(w).subspan(2); }

Conv ConvOf(const OpContext& op) {
  const Shape &x = op.shape(0), &w = op.shape(1);
  const ImageLayout layout = LayoutOf(op.attributes, static_cast<int>(w.size()) - 2);
  return {x[0],   x[layout.channels],
          w[0],   op.attributes.Int("groups"),
          layout, SpatialAxesOf(op.attributes, SpatialExtents(x, layout), KernelExtents(w))};
}

Shape ConvolvedShape(const Conv& conv) {
  Shape extents;
  for (const SpatialAxis& axis : conv.axes) extents.push_back(axis.output());
  return ImageShape(conv.layout, conv.batch, conv.filters, extents);
}

template <int kSpatial>
Result<std::vector<TensorType>> InferConv(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckConvOperands(op, kSpatial, "[filters, channels / groups",
                                            {"stride", "dilation", "input_dilation"}));
  const Conv conv = ConvOf(op);
  if (conv.groups < 1 || conv.channels % conv.groups != 0 || conv.filters % conv.groups != 0)
    return Error("groups = {} does not divide {} channels and {} filters", conv.groups,
                 conv.channels, conv.filters);
  if (op.shape(1)[1] != conv.group_channels())
    return Error("w {} takes {} channels, but x {} has {} in each of {} groups",
                 ToString(op.shape(1)), op.shape(1)[1], ToString(op.shape(0)),
                 conv.group_channels(), conv.groups);
  DESCENT_RETURN_IF_ERROR(CheckBias(op, conv.filters));
  DESCENT_RETURN_IF_ERROR(CheckWindows(conv.axes));
  DESCENT_RETURN_IF_ERROR(CheckGradientPadding(conv.axes));
  return OneResult(op.dtype(0), ConvolvedShape(conv));
}

/// Axes of the result, then reduced ones: channel of the group, kernel.
TensorExpr DefineConv(const OpContext& op) {
  const Conv conv = ConvOf(op);
  const DType dtype = op.dtype(0);
  TensorExpr expr{.axes = ConvolvedShape(conv), .rank = conv.spatial() + 2};
  expr.axes.push_back(conv.group_channels());
  const Index filter = Axis(conv.layout.channels), channel = Axis(expr.rank);
  // Without filters there is no point at which it is evaluated.
  const Index group = FloorDiv(filter, std::max<int64_t>(conv.group_filters(), 1));
  Read x{.operand = 0, .coordinates = AxisRange(0, expr.rank)};
  Read w{.operand = 1, .coordinates = {filter, channel}};
  x.coordinates[conv.layout.channels] =
      conv.groups == 1 ? channel : group * conv.group_channels() + channel;
  for (int i = 0; i < conv.spatial(); ++i) {
    const int place = conv.layout.spatial + i;
    const Index k = Axis(static_cast<int>(expr.axes.size()));
    expr.axes.push_back(conv.axes[i].kernel);
    x.coordinates[place] = WindowRead(conv.axes[i], Axis(place), k, x.guards);
    w.coordinates.push_back(k);
  }
  if (!x.guards.empty()) x.outside = ConstantScalar(dtype, 0);
  expr.reads = {std::move(x), std::move(w)};
  SumProducts(expr, dtype);
  if (op.operands.size() > 2) {
    expr.reads.push_back({.operand = 2, .coordinates = {filter}});
    expr.results = {Call(kAdd, {expr.results[0], ReadScalar(2, dtype)})};
  }
  return expr;
}

Values VjpConv(const VjpContext& v) {
  const Conv conv = ConvOf(v.op);
  const Expr g = Gradient(v);
  Values gradients(v.operands.size());
  if (v.wanted[0]) gradients[0] = InputGradient(g, Operand(v, 1), conv);
  if (v.wanted[1]) gradients[1] = WeightGradient(Operand(v, 0), g, conv);
  if (v.operands.size() > 2 && v.wanted[2]) gradients[2] = BiasGradient(g, conv.layout);
  return gradients;
}

constexpr std::string_view kConvDoc =
    "Convolution over {0} (cross-correlation, as in every framework).\n\n`y[n, o, i] = sum_{{c, "
    "k}} x~[n, c, i*stride + k*dilation - low] * w[o, c, k] + bias[o]`{1}, where `x~` is x with "
    "`input_dilation - 1` zeros between neighbours, and 0 outside. x is {2}, or channels last "
    "with `layout=nhwc`, and so is y; w is [filters, channels / groups, {3}] in either layout, "
    "bias [filters]. Filter o reads the channels of its group, so `groups = channels` is the "
    "depthwise convolution. Extents: `floor((n + low + high - dilation*(kernel - 1) - 1) / "
    "stride) + 1` where `x~` has n elements; negative padding crops. With `auto_pad=same` they "
    "are `ceil(n / stride)`, with zeros on both sides and the odd one at the high end "
    "(TensorFlow's SAME); `valid` is no padding. Gradients are convolutions again: of g dilated "
    "by the stride with the flipped kernel, and of x with g as kernel; to the bias, the sum of g "
    "over all but channels (Dumoulin and Visin, A guide to convolution arithmetic, 2016).";

constexpr std::string_view kExamples[] = {
    "conv1d([[[1, 2, 3, 4]]], [[[1, 0, -1]]], padding=[1, 1]) = [[[-2, -2, -2, 3]]]",
    "conv2d([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]], [[[[1, 0], [0, 1]]]]) = [[[[6, 8], [12, 14]]]]",
    "conv3d([[[[[1, 2]], [[3, 4]]]]], [[[[[1, 0]], [[0, 1]]]]], [0.5]) = [[[[[5.5]]]]]"};

std::string_view PaddingDoc(int spatial) {
  static constexpr std::string_view kDocs[] = {
      "", "zeros around x [left, right]", "zeros around x [top, left, bottom, right]",
      "zeros around x [front, top, left, back, bottom, right]"};
  return kDocs[spatial];
}

template <int kSpatial>
OpDef Convolution() {
  static const std::string name = fmt::format("conv{}d", kSpatial),
                           doc = SpatialDoc(kConvDoc, kSpatial);
  const Ints ones(kSpatial, 1);
  return {
      .name = name,
      .doc = doc,
      .example = kExamples[kSpatial - 1],
      .signature = {.operands = ConvOperands(),
                    .attributes = {IntsAttribute("stride", ones, "steps of the window"),
                                   PaddingAttribute(kSpatial, PaddingDoc(kSpatial)),
                                   IntsAttribute("dilation", ones, "distance of kernel elements"),
                                   IntsAttribute("input_dilation", ones,
                                                 "distance of input elements"),
                                   GroupsAttribute(), AutoPadAttribute(), LayoutAttribute()}},
      .infer = InferConv<kSpatial>,
      .define = DefineConv,
      .vjp = VjpConv};
}

}  // namespace

std::span<const OpDef> ConvolutionOps() {
  static const std::array kOps = {Convolution<1>(), Convolution<2>(), Convolution<3>()};
  return kOps;
}

}  // namespace descent
