// Convolutions, their adjoints, and windows added up.
#include <algorithm>
#include <numeric>

#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/ops/window.h"
#include "frontends/onnx/ops/zero_point.h"

namespace descent::onnx {
namespace {

/// Extents of the kernel in `w`, which attribute kernel_shape may only repeat.
std::vector<int64_t> KernelOf(OnnxNode& n, Value w) {
  std::vector<int64_t> kernel = Spatial(n, w);
  if (n.HasAttribute("kernel_shape") && n.Ints("kernel_shape") != kernel)
    n.Fail("kernel_shape is not the shape of the kernel, {}", ToString(kernel));
  return kernel;
}

Value Convolve(OnnxNode& n, Value x, Value w, Value bias) {
  const Window window = ReadWindow(n, Spatial(n, x), KernelOf(n, w));
  std::vector<Value> operands = {x, w};
  if (bias.valid()) operands.push_back(bias);
  return n.Add(SpatialOp(n, "conv", static_cast<int>(window.axes())), std::move(operands),
               {{"stride", window.stride},
                {"dilation", window.dilation},
                {"padding", window.padding},
                {"groups", n.Int("group", 1)}});
}

Outputs Conv(OnnxNode& n) { return Convolve(n, n.In(0), n.In(1), OptionalIn(n, 2)); }

/// Products of integers are exact in f64.
Value ConvolveIntegers(OnnxNode& n, int x, int x_zero, int w, int w_zero) {
  const Value filters = n.In(w);
  Value zero = OptionalIn(n, w_zero);
  if (zero.valid() && n.rank(zero) == 1) zero = n.AlongAxis(zero, 0, n.rank(filters));
  return Convolve(n, FromZero(n, n.In(x), OptionalIn(n, x_zero), DType::kF64),
                  FromZero(n, filters, zero, DType::kF64), {});
}

Outputs ConvInteger(OnnxNode& n) { return n.Cast(ConvolveIntegers(n, 0, 2, 1, 3), DType::kI32); }

/// Integers in, integers out: a sum of products, scaled from the step of the products to that of
/// the result.
Outputs QLinearConv(OnnxNode& n) {
  Value sum = ConvolveIntegers(n, 0, 2, 3, 5);
  if (n.Has(8)) sum = n.Plus(sum, n.AlongAxis(n.Cast(n.In(8), DType::kF64), 1, n.rank(sum)));
  const auto scale = [&](int i) { return n.Cast(n.In(i), DType::kF64); };
  Value step = n.Over(n.Times(n.Reshape(scale(1), {}), scale(4)), n.Reshape(scale(6), {}));
  if (n.rank(step) == 1) step = n.AlongAxis(step, 1, n.rank(sum));
  return n.Add("quantize_linear",
               {n.Times(sum, step), n.Scalar(DType::kF64, 1), n.Reshape(n.In(7), {})});
}

/// Extents that a transposed convolution gives are those of output_shape, those with auto_pad
/// SAME, or what the padding leaves.
struct Spread {
  std::vector<int64_t> padding, output_padding;
};

Spread ReadSpread(OnnxNode& n, const std::vector<int64_t>& extents,
                  const std::vector<int64_t>& kernel, const std::vector<int64_t>& stride,
                  const std::vector<int64_t>& dilation) {
  const size_t axes = extents.size();
  Spread spread{PerAxis(n, "pads", 2 * axes, 0, -kMaxStep),
                PerAxis(n, "output_padding", axes, 0, 0)};
  const std::string auto_pad = AutoPad(n);
  std::vector<int64_t> wanted = n.Ints("output_shape");
  if (wanted.size() == axes + 2) wanted.erase(wanted.begin(), wanted.begin() + 2);
  if (!wanted.empty() && wanted.size() != axes)
    n.Fail("output_shape has {} numbers, not {}", wanted.size(), axes);
  for (const int64_t extent : wanted)
    if (extent < 0 || extent > kMaxElements) n.Fail("output_shape has {}", extent);
  if (auto_pad == "VALID") spread.padding.assign(2 * axes, 0);
  if (n.failed() || (wanted.empty() && !auto_pad.starts_with("SAME"))) return spread;
  for (size_t i = 0; i < axes; ++i) {
    const int64_t full =
        (extents[i] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 + spread.output_padding[i];
    const int64_t total = full - (wanted.empty() ? extents[i] * stride[i] : wanted[i]);
    // What is missing is added behind the result.
    if (total < 0) spread.output_padding[i] -= total;
    const int64_t half = std::max<int64_t>(total, 0) / 2, rest = std::max<int64_t>(total, 0) - half;
    spread.padding[i] = auto_pad == "SAME_UPPER" ? half : rest;
    spread.padding[axes + i] = auto_pad == "SAME_UPPER" ? rest : half;
  }
  return spread;
}

Outputs ConvTranspose(OnnxNode& n) {
  const Value x = n.In(0), w = n.In(1);
  const std::vector<int64_t> extents = Spatial(n, x), kernel = KernelOf(n, w);
  const std::vector<int64_t> stride = PerAxis(n, "strides", extents.size(), 1, 1);
  const std::vector<int64_t> dilation = PerAxis(n, "dilations", extents.size(), 1, 1);
  const std::string op = SpatialOp(n, "conv_transpose", static_cast<int>(extents.size()));
  if (kernel.size() != extents.size())
    return n.Fail("the kernel has {} spatial axes, not {}", kernel.size(), extents.size());
  const Spread spread = ReadSpread(n, extents, kernel, stride, dilation);
  std::vector<Value> operands = {x, w};
  if (n.Has(2)) operands.push_back(n.In(2));
  return n.Add(op, std::move(operands),
               {{"stride", stride},
                {"dilation", dilation},
                {"padding", spread.padding},
                {"output_padding", spread.output_padding},
                {"groups", n.Int("group", 1)}});
}

/// A depthwise convolution over what came before and x; the last elements come before the next.
Outputs CausalConv(OnnxNode& n) {
  const Value x = n.In(0), w = n.In(1);
  if (n.rank(x) != 3 || n.rank(w) != 3)
    return n.Fail("its operands have {} and {} axes, not 3", n.rank(x), n.rank(w));
  const Shape shape = n.shape(x);
  const int64_t before = n.shape(w)[2] - 1;
  if (before < 0) return n.Fail("the kernel is empty");
  const Value past = n.Has(3) ? n.In(3) : n.Expand(n.Like(x, 0), {shape[0], shape[1], before});
  const Value all = n.Add("concat", {past, x}, {{"axis", int64_t{2}}});
  std::vector<Value> operands = {all, w};
  if (n.Has(2)) operands.push_back(n.In(2));
  Value y = n.Add("conv1d", std::move(operands), {{"groups", shape[1]}});
  if (n.Choice("activation", {"none", "silu", "swish"}) != "none") y = n.Add("silu", {y});
  if (n.failed()) return Value{};
  const int64_t length = n.shape(all)[2];
  return std::vector{y, n.Slice(all, 2, length - before, length)};
}

/// Windows, a column each, [batch, channels * window, windows], added up to images.
Outputs Col2Im(OnnxNode& n) {
  const Value x = n.In(0);
  const std::vector<int64_t> extents = n.StaticInts(1);
  const Window window = ReadWindow(n, extents, n.StaticInts(2));
  const auto axes = static_cast<int64_t>(window.axes());
  if (n.failed() || n.rank(x) != 3) return n.Fail("its operand has {} axes, not 3", n.rank(x));
  Shape split = {n.shape(x)[0], -1};
  split.insert(split.end(), window.kernel.begin(), window.kernel.end());
  split.insert(split.end(), window.windows.begin(), window.windows.end());
  // [batch, channels, kernel.., windows..] -> [batch, channels, windows.., kernel..]
  std::vector<int64_t> order(2 + 2 * axes);
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin() + 2, order.begin() + 2 + axes, order.end());
  const Value columns = n.Transpose(n.Reshape(x, std::move(split)), std::move(order));
  return n.Add("fold", {columns},
               {{"size", extents},
                {"stride", window.stride},
                {"dilation", window.dilation},
                {"padding", window.padding}});
}

const std::vector<std::string_view> kWindow = {"kernel_shape", "strides",  "dilations",
                                               "pads",         "auto_pad", "group"};

}  // namespace

std::span<const OpImporter> ConvolutionImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"CausalConvWithState", 27, kNewest, 4, {"activation"}, CausalConv},
      {"Col2Im", 18, kNewest, 3, {"strides", "dilations", "pads"}, Col2Im},
      {"Conv", 1, kNewest, 3, kWindow, Conv},
      {"ConvInteger", 10, kNewest, 4, kWindow, ConvInteger},
      {"ConvTranspose",
       1,
       kNewest,
       3,
       {"kernel_shape", "strides", "dilations", "pads", "auto_pad", "group", "output_padding",
        "output_shape"},
       ConvTranspose},
      {"QLinearConv", 10, kNewest, 9, kWindow, QLinearConv},
  };
  return kImporters;
}

}  // namespace descent::onnx
