// Stacks of 3x3 convolutions: K. Simonyan and A. Zisserman, Very deep convolutional networks for
// large-scale image recognition (2014), with batch normalization. Names are torchvision's.

#include <algorithm>

#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"
#include "frontends/cpp/models/ready_models.h"

namespace descent::nn {
namespace {

constexpr int kStages = 5;

/// Convolutions of each stage, by the number of all layers with weights.
struct Configuration {
  int64_t depth;
  int64_t convolutions[kStages];
};
constexpr Configuration kConfigurations[] = {
    {11, {1, 1, 2, 2, 2}}, {13, {2, 2, 2, 2, 2}}, {16, {2, 2, 3, 3, 3}}, {19, {2, 2, 4, 4, 4}}};

Layer Features(const Configuration& configuration, int64_t channels, int64_t width) {
  std::vector<Layer> layers;
  int64_t in = channels;
  for (int stage = 0; stage < kStages; ++stage) {
    const int64_t out = width << std::min(stage, 3);
    for (int64_t i = 0; i < configuration.convolutions[stage]; ++i) {
      layers.push_back(Conv2d(in, out, 3, {.padding = 1}));
      layers.push_back(BatchNorm2d(out));
      layers.push_back(ReLU());
      in = out;
    }
    layers.push_back(MaxPool2d(2));
  }
  return Sequential(layers);
}

Result<Model> Build(const ReadyModel& ready, const Sizes& sizes) {
  const auto* configuration =
      std::ranges::find(kConfigurations, sizes["depth"], &Configuration::depth);
  if (configuration == std::end(kConfigurations))
    return SizeError(
        fmt::format("there is no vgg of depth {}, only of 11, 13, 16 and 19", sizes["depth"]));
  const int64_t pooled = sizes["size"] >> kStages;
  if (pooled == 0)
    return SizeError(
        fmt::format("vgg halves images five times: a size of {} is too small", sizes["size"]));
  const int64_t hidden = sizes["hidden"];
  const Layer features = Features(*configuration, sizes["channels"], sizes["width"]);
  const Layer classifier =
      Sequential(Linear(8 * sizes["width"] * pooled * pooled, hidden), ReLU(), Dropout(),
                 Linear(hidden, hidden), ReLU(), Dropout(), Linear(hidden, sizes["classes"]));

  ModelBuilder m(std::string(ready.name), sizes["batch"]);
  m.Add("features", features);
  m.Add("classifier", classifier);
  const Variable image =
      m.Input("image", {sizes["channels"], sizes["size"], sizes["size"]}, Pixels());
  const Variable label = m.Label();
  const Variable logits = classifier(Flatten()(features(image)));
  m.Classify(logits, label);
  m.Train(CrossEntropy(logits, label), Sgd(0.05, {.momentum = 0.9, .weight_decay = 5e-4}));
  return std::move(m).Build();
}

}  // namespace

ReadyModel VggModel() {
  return {.name = "vgg",
          .doc = "3x3 convolutions with batch normalization, 11, 13, 16 or 19 layers",
          .sizes = {{"batch", 32},
                    {"channels", 3},
                    {"size", 32},
                    {"width", 64},
                    {"depth", 16},
                    {"hidden", 512},
                    {"classes", 10}},
          .build = Build};
}

}  // namespace descent::nn
