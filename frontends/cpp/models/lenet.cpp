// Two convolutions and two linear layers, after LeCun et al. (1998).

#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"
#include "frontends/cpp/models/ready_models.h"

namespace descent::nn {
namespace {

Result<Model> Build(const ReadyModel& ready, const Sizes& sizes) {
  const int64_t width = sizes["width"], pooled = sizes["size"] / 4;
  if (pooled == 0)
    return SizeError(
        fmt::format("lenet halves images twice: a size of {} is too small", sizes["size"]));
  ModelBuilder m(std::string(ready.name), sizes["batch"]);
  const Layer net =
      m.Add(Sequential(Conv2d(sizes["channels"], width, 5, {.padding = 2}), ReLU(), MaxPool2d(2),
                       Conv2d(width, 2 * width, 5, {.padding = 2}), ReLU(), MaxPool2d(2), Flatten(),
                       Linear(2 * width * pooled * pooled, sizes["hidden"]), ReLU(), Dropout(0.5),
                       Linear(sizes["hidden"], sizes["classes"])));
  const Variable image =
      m.Input("image", {sizes["channels"], sizes["size"], sizes["size"]}, Pixels());
  const Variable label = m.Label();
  const Variable logits = net(image);
  m.Classify(logits, label);
  m.Train(CrossEntropy(logits, label), Sgd(0.01, {.momentum = 0.9, .weight_decay = 5e-4}));
  return std::move(m).Build();
}

}  // namespace

ReadyModel LeNetModel() {
  return {.name = "lenet",
          .doc = "two convolutions of 5x5, pooling, two linear layers with dropout",
          .sizes = {{"batch", 64},
                    {"channels", 1},
                    {"size", 28},
                    {"width", 32},
                    {"hidden", 256},
                    {"classes", 10}},
          .build = Build};
}

}  // namespace descent::nn
