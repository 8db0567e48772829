// Layers over images: convolutions, pooling, other extents.

#include "frontends/cpp/initializers.h"
#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"

namespace descent::nn {
namespace {

using Ints = std::vector<int64_t>;

Ints Both(Pair pair) { return {pair.height, pair.width}; }
/// The same at the low and the high ends.
Ints Ends(Pair pair) { return {pair.height, pair.width, pair.height, pair.width}; }

/// The layer of a convolution operator with weights of this shape.
Layer Convolution(const char* kind, const char* op, Shape weight_shape, int64_t out, bool has_bias,
                  const Attributes& attributes) {
  // PyTorch's fans count axis 1, also of transposed convolutions, where it holds the outputs.
  const int64_t fan_in = weight_shape[1] * weight_shape[2] * weight_shape[3];
  const Parameter weight(std::move(weight_shape), init::FanIn(fan_in));
  if (!has_bias)
    return Layer(kind, {{"weight", weight}}, [=](const Variable& x) {
      return Apply(op, {x, x.model().Read(weight)}, attributes);
    });
  const Parameter bias({out}, init::FanIn(fan_in));
  return Layer(kind, {{"weight", weight}, {"bias", bias}}, [=](const Variable& x) {
    return Apply(op, {x, x.model().Read(weight), x.model().Read(bias)}, attributes);
  });
}

/// What several groups share; 0 groups are reported by the operator.
int64_t PerGroup(int64_t channels, int64_t groups) {
  return groups > 0 ? channels / groups : channels;
}

Layer Pool(const char* kind, const char* op, Pair kernel, const PoolOptions& options) {
  const Attributes attributes = {{"kernel", Both(kernel)},
                                 {"stride", Both(options.stride.value_or(kernel))},
                                 {"padding", Ends(options.padding)}};
  return Layer(kind, [=](const Variable& x) { return Apply(op, {x}, attributes); });
}

}  // namespace

Layer Conv2d(int64_t in, int64_t out, Pair kernel, const ConvOptions& options) {
  return Convolution("Conv2d", "conv2d",
                     {out, PerGroup(in, options.groups), kernel.height, kernel.width}, out,
                     options.bias,
                     {{"stride", Both(options.stride)},
                      {"padding", Ends(options.padding)},
                      {"dilation", Both(options.dilation)},
                      {"groups", options.groups}});
}

Layer ConvTranspose2d(int64_t in, int64_t out, Pair kernel, const ConvTransposeOptions& options) {
  return Convolution("ConvTranspose2d", "conv_transpose2d",
                     {in, PerGroup(out, options.groups), kernel.height, kernel.width}, out,
                     options.bias,
                     {{"stride", Both(options.stride)},
                      {"padding", Ends(options.padding)},
                      {"output_padding", Both(options.output_padding)},
                      {"dilation", Both(options.dilation)},
                      {"groups", options.groups}});
}

Layer MaxPool2d(Pair kernel, const PoolOptions& options) {
  return Pool("MaxPool2d", "max_pool2d", kernel, options);
}
Layer AvgPool2d(Pair kernel, const PoolOptions& options) {
  return Pool("AvgPool2d", "avg_pool2d", kernel, options);
}

Layer AdaptiveAvgPool2d(Pair size) {
  return Layer("AdaptiveAvgPool2d", [=](const Variable& x) {
    return Apply("adaptive_avg_pool2d", {x}, {{"size", Both(size)}});
  });
}

Layer Upsample(int64_t scale) {
  return Layer("Upsample", [=](const Variable& x) {
    return Apply("resize", {x},
                 {{"sizes", Ints{x.extent(-2) * scale, x.extent(-1) * scale}},
                  {"axes", Ints{-2, -1}},
                  {"mode", "nearest"},
                  {"coordinates", "asymmetric"}});
  });
}

Layer Flatten(int64_t start_axis) {
  return Layer("Flatten", [=](const Variable& x) {
    return Apply("flatten", {x}, {{"start_axis", start_axis}});
  });
}

}  // namespace descent::nn
