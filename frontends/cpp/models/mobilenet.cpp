// Depthwise convolutions between narrow layers: M. Sandler et al., MobileNetV2: inverted residuals
// and linear bottlenecks (2018). Names and rounding of channels are torchvision's.

#include <algorithm>

#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"
#include "frontends/cpp/models/ready_models.h"

namespace descent::nn {
namespace {

/// Channels of the paper, for 32 of the first convolution, scaled to `width`: the nearest multiple
/// of 8 that is not below nine tenths.
int64_t Scaled(int64_t channels, int64_t width) {
  const double wanted = static_cast<double>(channels) * static_cast<double>(width) / 32;
  const int64_t rounded = std::max<int64_t>(8, static_cast<int64_t>(wanted + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * wanted ? rounded + 8 : rounded;
}

Layer ConvNormActivation(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t groups) {
  return Sequential(
      Conv2d(in, out, kernel,
             {.stride = stride, .padding = (kernel - 1) / 2, .groups = groups, .bias = false}),
      BatchNorm2d(out), ReLU6());
}

Layer InvertedResidual(int64_t in, int64_t out, int64_t stride, int64_t expansion) {
  const int64_t hidden = in * expansion;
  std::vector<Layer> layers;
  if (expansion != 1) layers.push_back(ConvNormActivation(in, hidden, 1, 1, 1));
  layers.push_back(ConvNormActivation(hidden, hidden, 3, stride, hidden));
  layers.push_back(Conv2d(hidden, out, 1, {.bias = false}));
  layers.push_back(BatchNorm2d(out));
  const Layer conv = Sequential(layers);
  const bool has_shortcut = stride == 1 && in == out;
  return Layer("InvertedResidual", {{"conv", conv}},
               [=](const Variable& x) { return has_shortcut ? x + conv(x) : conv(x); });
}

/// Blocks alike, the first of which may halve the image.
struct Stage {
  int64_t expansion, channels, blocks, stride;
};
constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                             {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
constexpr int64_t kFirst = 32, kLast = 1280;

Result<Model> Build(const ReadyModel& ready, const Sizes& sizes) {
  const int64_t width = sizes["width"], last = Scaled(kLast, std::max<int64_t>(width, kFirst));
  int64_t in = Scaled(kFirst, width);
  std::vector<Layer> layers = {ConvNormActivation(sizes["channels"], in, 3, 2, 1)};
  for (const Stage& stage : kStages) {
    const int64_t out = Scaled(stage.channels, width);
    for (int64_t i = 0; i < stage.blocks; ++i) {
      layers.push_back(InvertedResidual(in, out, i == 0 ? stage.stride : 1, stage.expansion));
      in = out;
    }
  }
  layers.push_back(ConvNormActivation(in, last, 1, 1, 1));
  const Layer features = Sequential(layers);
  const Layer classifier = Sequential(Dropout(0.2), Linear(last, sizes["classes"]));

  ModelBuilder m(std::string(ready.name), sizes["batch"]);
  m.Add("features", features);
  m.Add("classifier", classifier);
  const Variable image =
      m.Input("image", {sizes["channels"], sizes["size"], sizes["size"]}, Pixels());
  const Variable label = m.Label();
  const Variable logits = classifier(Flatten()(AdaptiveAvgPool2d(1)(features(image))));
  m.Classify(logits, label);
  m.Train(CrossEntropy(logits, label), Sgd(0.05, {.momentum = 0.9, .weight_decay = 4e-5}));
  return std::move(m).Build();
}

}  // namespace

ReadyModel MobileNetV2Model() {
  return {.name = "mobilenet_v2",
          .doc = "inverted residuals around depthwise convolutions; channels scale with width",
          .sizes = {{"batch", 32}, {"channels", 3}, {"size", 96}, {"width", 32}, {"classes", 10}},
          .build = Build};
}

}  // namespace descent::nn
