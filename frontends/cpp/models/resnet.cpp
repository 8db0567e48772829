// Residual networks: K. He et al., Deep residual learning for image recognition (2015). Names are
// torchvision's; the first convolution and the missing pooling are those for small images.

#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"
#include "frontends/cpp/models/ready_models.h"

namespace descent::nn {
namespace {

Layer BasicBlock(int64_t in, int64_t out, int64_t stride) {
  const Layer conv1 = Conv2d(in, out, 3, {.stride = stride, .padding = 1, .bias = false});
  const Layer conv2 = Conv2d(out, out, 3, {.padding = 1, .bias = false});
  const Layer bn1 = BatchNorm2d(out), bn2 = BatchNorm2d(out);
  const Layer downsample =
      stride == 1 && in == out
          ? Identity()
          : Sequential(Conv2d(in, out, 1, {.stride = stride, .bias = false}), BatchNorm2d(out));
  return Layer(
      "BasicBlock",
      {{"conv1", conv1}, {"bn1", bn1}, {"conv2", conv2}, {"bn2", bn2}, {"downsample", downsample}},
      [=](const Variable& x) {
        const Variable y = Relu(bn1(conv1(x)));
        return Relu(bn2(conv2(y)) + downsample(x));
      });
}

Layer Stage(int64_t in, int64_t out, int64_t stride) {
  return Sequential(BasicBlock(in, out, stride), BasicBlock(out, out, 1));
}

Layer ResNet18(int64_t channels, int64_t width, int64_t classes) {
  const Layer conv1 = Conv2d(channels, width, 3, {.padding = 1, .bias = false});
  const Layer bn1 = BatchNorm2d(width);
  const Layer layer1 = Stage(width, width, 1), layer2 = Stage(width, 2 * width, 2);
  const Layer layer3 = Stage(2 * width, 4 * width, 2), layer4 = Stage(4 * width, 8 * width, 2);
  const Layer avgpool = AdaptiveAvgPool2d(1), flatten = Flatten();
  const Layer fc = Linear(8 * width, classes);
  return Layer("ResNet",
               {{"conv1", conv1},
                {"bn1", bn1},
                {"layer1", layer1},
                {"layer2", layer2},
                {"layer3", layer3},
                {"layer4", layer4},
                {"avgpool", avgpool},
                {"fc", fc}},
               [=](const Variable& x) {
                 const Variable y = layer4(layer3(layer2(layer1(Relu(bn1(conv1(x)))))));
                 return fc(flatten(avgpool(y)));
               });
}

Result<Model> Build(const ReadyModel& ready, const Sizes& sizes) {
  ModelBuilder m(std::string(ready.name), sizes["batch"]);
  const Layer net = m.Add(ResNet18(sizes["channels"], sizes["width"], sizes["classes"]));
  const Variable image =
      m.Input("image", {sizes["channels"], sizes["size"], sizes["size"]}, Pixels());
  const Variable label = m.Label();
  const Variable logits = net(image);
  m.Classify(logits, label);
  m.Train(CrossEntropy(logits, label), Sgd(0.1, {.momentum = 0.9, .weight_decay = 5e-4}));
  return std::move(m).Build();
}

}  // namespace

ReadyModel ResNet18Model() {
  return {.name = "resnet18",
          .doc = "residual network of 18 layers for small images",
          .sizes = {{"batch", 32}, {"channels", 3}, {"size", 32}, {"width", 64}, {"classes", 10}},
          .build = Build};
}

}  // namespace descent::nn
