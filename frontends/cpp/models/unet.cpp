// A class for each pixel: O. Ronneberger et al., U-Net: convolutional networks for biomedical image
// segmentation (2015), with padding, so that images keep their size, and batch normalization.

#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"
#include "frontends/cpp/models/ready_models.h"

namespace descent::nn {
namespace {

Layer DoubleConv(int64_t in, int64_t out) {
  return Sequential(Conv2d(in, out, 3, {.padding = 1, .bias = false}), BatchNorm2d(out), ReLU(),
                    Conv2d(out, out, 3, {.padding = 1, .bias = false}), BatchNorm2d(out), ReLU());
}

/// `depth` levels below the first, each with half the height and width and twice the channels.
Layer UNet(int64_t channels, int64_t width, int64_t depth, int64_t classes) {
  const Layer inc = DoubleConv(channels, width), pool = MaxPool2d(2);
  const Layer outc = Conv2d(width, classes, 1);
  std::vector<Layer> down, up, conv;
  for (int64_t level = 0; level < depth; ++level)
    down.push_back(DoubleConv(width << level, width << (level + 1)));
  for (int64_t level = depth; level-- > 0;) {
    const int64_t out = width << level;
    up.push_back(ConvTranspose2d(2 * out, out, 2, {.stride = 2}));
    conv.push_back(DoubleConv(2 * out, out));
  }
  // The lists are members for their names; what passes through them is told below.
  return Layer("UNet",
               {{"inc", inc},
                {"down", Sequential(down)},
                {"up", Sequential(up)},
                {"conv", Sequential(conv)},
                {"outc", outc}},
               [=](const Variable& x) {
                 std::vector<Variable> seen = {inc(x)};
                 for (const Layer& layer : down) seen.push_back(layer(pool(seen.back())));
                 Variable y = seen.back();
                 for (size_t i = 0; i < up.size(); ++i)
                   y = conv[i](Concat({seen[up.size() - 1 - i], up[i](y)}, 1));
                 return outc(y);
               });
}

Result<Model> Build(const ReadyModel& ready, const Sizes& sizes) {
  const int64_t size = sizes["size"], depth = sizes["depth"];
  if (depth > 10 || size % (int64_t{1} << depth) != 0)
    return SizeError(
        fmt::format("unet of depth {} halves images {} times, which a size of {} does "
                    "not allow",
                    depth, depth, size));
  ModelBuilder m(std::string(ready.name), sizes["batch"]);
  const Layer net = m.Add(UNet(sizes["channels"], sizes["width"], depth, sizes["classes"]));
  const Variable image = m.Input("image", {sizes["channels"], size, size}, Pixels());
  const Variable label = m.Label({size, size});
  const Variable logits = net(image);
  const Variable probabilities = Softmax(logits, 1);
  m.Predict("probabilities", probabilities);
  m.Measure("accuracy", "accuracy", {Transpose(logits, {0, 2, 3, 1}), label});
  m.Train(CrossEntropy(logits, label, 1), Adam(1e-3));
  return std::move(m).Build();
}

}  // namespace

ReadyModel UNetModel() {
  return {.name = "unet",
          .doc = "a class for each pixel: levels of convolutions down and up again",
          .sizes = {{"batch", 4},
                    {"channels", 1},
                    {"size", 128},
                    {"width", 32},
                    {"depth", 4},
                    {"classes", 2}},
          .build = Build};
}

}  // namespace descent::nn
