// Transposed convolutions: the adjoints of convolutions. They are input gradients of a convolution
// from their result to x, and so are convolutions with gaps in x.

#include <algorithm>
#include <array>

#include "ir/ops/convolution.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

/// The convolution whose adjoint this is: from the result to x, with the same kernel. Its input is
/// stride * (x - 1) + span - low - high + output_padding long; the last term lets windows end
/// before the end.
Conv ForwardOf(const OpContext& op) {
  const Shape &x = op.shape(0), &w = op.shape(1);
  const int spatial = static_cast<int>(w.size()) - 2;
  const ImageLayout layout = LayoutOf(op.attributes, spatial);
  const int64_t groups = op.attributes.Int("groups");
  const bool same = op.attributes.String("auto_pad") == "same";
  const Ints& padding = op.attributes.Ints("padding");
  Conv conv{x[0], w[1] * groups, w[0], groups, layout, {}};
  for (int i = 0; i < spatial; ++i) {
    SpatialAxis axis{.kernel = w[2 + i],
                     .stride = op.attributes.Ints("stride")[i],
                     .low = padding[i],
                     .high = padding[spatial + i],
                     .dilation = op.attributes.Ints("dilation")[i]};
    const int64_t windows = x[layout.spatial + i];
    if (same) {
      axis.low = std::max<int64_t>(0, axis.span() - axis.stride) / 2;
      axis.high = axis.span() - axis.stride - axis.low;
    }
    axis.input = (windows - 1) * axis.stride + axis.span() - axis.low - axis.high +
                 op.attributes.Ints("output_padding")[i];
    conv.axes.push_back(axis.WithOutput(windows));
  }
  return conv;
}

Result<void> CheckOutputPadding(const OpContext& op, int spatial) {
  const Ints& values = op.attributes.Ints("output_padding");
  if (static_cast<int>(values.size()) != spatial)
    return Error("output_padding needs {}, not {}", Counted(spatial, "number"), values.size());
  for (int i = 0; i < spatial; ++i) {
    const int64_t limit =
        std::max(op.attributes.Ints("stride")[i], op.attributes.Ints("dilation")[i]);
    if (values[i] < 0 || values[i] >= limit)
      return Error("output_padding must be at least 0 and below stride or dilation, {}, not {}",
                   limit, values[i]);
    if (values[i] > 0 && op.attributes.String("auto_pad") == "same")
      return Error("output_padding has no place where auto_pad = same fixes the extents");
  }
  return {};
}

template <int kSpatial>
Result<std::vector<TensorType>> InferConvTranspose(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(
      CheckConvOperands(op, kSpatial, "[channels, filters / groups", {"stride", "dilation"}));
  DESCENT_RETURN_IF_ERROR(CheckOutputPadding(op, kSpatial));
  const Shape &x = op.shape(0), &w = op.shape(1);
  const int64_t groups = op.attributes.Int("groups");
  const int64_t channels = x[LayoutOf(op.attributes, kSpatial).channels];
  if (w[0] != channels)
    return Error("w {} takes {} channels, but x {} has {}", ToString(w), w[0], ToString(x),
                 channels);
  if (groups < 1 || channels % groups != 0 || groups > kMaxElements)
    return Error("groups = {} does not divide {} channels", groups, channels);
  if (groups > 1 && w[1] > kMaxElements / groups) return Error("the result has too many channels");
  DESCENT_RETURN_IF_ERROR(CheckBias(op, w[1] * groups));
  const Conv forward = ForwardOf(op);
  Shape extents;
  for (const SpatialAxis& axis : forward.axes) {
    if (axis.kernel < 1 || axis.output() < 1)
      return Error("spatial axes must not be empty: input {}, window {}", axis.output(),
                   axis.kernel);
    if (axis.input < 1)
      return Error("padding leaves nothing of a result that would be {} long", axis.input);
    extents.push_back(axis.input);
  }
  DESCENT_RETURN_IF_ERROR(CheckGradientPadding(forward.axes));
  return OneResult(op.dtype(0), ImageShape(forward.layout, x[0], forward.channels, extents));
}

Values ExpandConvTranspose(GraphBuilder& b, const OpContext& op, std::span<const Value> operands) {
  const Conv forward = ForwardOf(op);
  const Expr y = InputGradient({b, operands[0]}, {b, operands[1]}, forward);
  if (operands.size() < 3) return {y};
  Shape shape(y.rank(), 1);
  shape[forward.layout.channels] = forward.channels;
  return {y + Reshape({b, operands[2]}, shape)};
}

Values VjpConvTranspose(const VjpContext& v) {
  const Conv forward = ForwardOf(v.op);
  const Expr g = Gradient(v);
  Values gradients(v.operands.size());
  if (v.wanted[0])
    gradients[0] = Convolve(g, Operand(v, 1), forward.axes, forward.groups, forward.layout);
  if (v.wanted[1]) gradients[1] = WeightGradient(g, Operand(v, 0), forward);
  if (v.operands.size() > 2 && v.wanted[2]) gradients[2] = BiasGradient(g, forward.layout);
  return gradients;
}

constexpr std::string_view kTransposeDoc =
    "Transposed convolution over {0}: the adjoint of conv{4}d, which spreads where that "
    "gathers.\n\n`y[n, o, i] = sum x[n, c, j] * w[c, o, k] + bias[o]` over channels c and all j, "
    "k with `j*stride + k*dilation - low = i`{1}. x is {2}, or channels last with `layout=nhwc`, "
    "and so is y; w is [channels, filters / groups, {3}] as in PyTorch, bias [filters]. Extents: "
    "`(n - 1)*stride + dilation*(kernel - 1) + 1 - low - high + output_padding` where x has n "
    "elements; with `auto_pad=same` they are `n * stride`. Gradients: to x, conv{4}d of g; to w, "
    "that of conv{4}d with g in the place of its input and x in that of its gradient (Dumoulin "
    "and Visin, A guide to convolution arithmetic, 2016).";

constexpr std::string_view kExamples[] = {
    "conv_transpose1d([[[1, 2]]], [[[1, 1, 1]]], stride=[2]) = [[[1, 1, 3, 2, 2]]]",
    "conv_transpose2d([[[[1, 2]]]], [[[[1, 2], [3, 4]]]], stride=[2, 2]) = [[[[1, 2, 2, 4], [3, "
    "4, 6, 8]]]]",
    "conv_transpose3d([[[[[1, 2]]]]], [[[[[1]], [[3]]]]]) = [[[[[1, 2]], [[3, 6]]]]]"};

template <int kSpatial>
OpDef TransposedConvolution() {
  static const std::string name = fmt::format("conv_transpose{}d", kSpatial),
                           doc = SpatialDoc(kTransposeDoc, kSpatial);
  const Ints ones(kSpatial, 1);
  return {
      .name = name,
      .doc = doc,
      .example = kExamples[kSpatial - 1],
      .signature = {.operands = ConvOperands(),
                    .attributes = {IntsAttribute("stride", ones, "steps in the result"),
                                   PaddingAttribute(kSpatial,
                                                    "elements dropped from each end "
                                                    "of the result, low ends first"),
                                   IntsAttribute("dilation", ones, "distance of kernel elements"),
                                   IntsAttribute("output_padding", Ints(kSpatial, 0),
                                                 "elements added at the high ends"),
                                   GroupsAttribute(), AutoPadAttribute(), LayoutAttribute()}},
      .infer = InferConvTranspose<kSpatial>,
      .expand = ExpandConvTranspose,
      .vjp = VjpConvTranspose};
}

}  // namespace

std::span<const OpDef> TransposedConvolutionOps() {
  static const std::array kOps = {TransposedConvolution<1>(), TransposedConvolution<2>(),
                                  TransposedConvolution<3>()};
  return kOps;
}

}  // namespace descent
