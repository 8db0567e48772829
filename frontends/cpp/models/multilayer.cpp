// Layers of neurons, one after the other.

#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"
#include "frontends/cpp/models/ready_models.h"

namespace descent::nn {
namespace {

Result<Model> BuildPlayground(const ReadyModel& ready, const Sizes& sizes) {
  ModelBuilder m(std::string(ready.name), sizes["batch"]);
  const Layer net = m.Add(
      Sequential(Linear(sizes["inputs"], sizes["width"]), Sigmoid(), Linear(sizes["width"], 1)));
  const Variable x = m.Input("x", {sizes["inputs"]});
  const Variable y = m.Label({1}, DType::kF32);
  const Variable logit = net(x);
  const Variable probability = Sigmoid(logit);
  m.Predict("probability", probability, PredictionKind::kProbability);
  m.Measure("accuracy", "binary_accuracy", {probability, y});
  m.Train(BceWithLogits(logit, y), Sgd(0.03));
  return std::move(m).Build();
}

Result<Model> BuildMlp(const ReadyModel& ready, const Sizes& sizes) {
  std::vector<Layer> layers;
  int64_t width = sizes["inputs"];
  for (int64_t i = 0; i < sizes["depth"]; ++i) {
    layers.push_back(Linear(width, sizes["width"]));
    layers.push_back(ReLU());
    width = sizes["width"];
  }
  layers.push_back(Linear(width, sizes["classes"]));

  ModelBuilder m(std::string(ready.name), sizes["batch"]);
  const Layer net = m.Add(Sequential(layers));
  const Variable x = m.Input("x", {sizes["inputs"]}, Pixels());
  const Variable label = m.Label();
  const Variable logits = net(x);
  m.Classify(logits, label);
  m.Train(CrossEntropy(logits, label), Adam(1e-3));
  return std::move(m).Build();
}

}  // namespace

ReadyModel PlaygroundModel() {
  return {.name = "playground",
          .doc = "points in the plane, a few hidden sigmoids, one output",
          .sizes = {{"batch", 10}, {"inputs", 2}, {"width", 3}},
          .build = BuildPlayground};
}

ReadyModel MlpModel() {
  return {.name = "mlp",
          .doc = "multilayer perceptron with rectified units, by default for 28x28 grey images",
          .sizes = {{"batch", 128}, {"inputs", 784}, {"width", 512}, {"depth", 2}, {"classes", 10}},
          .build = BuildMlp};
}

}  // namespace descent::nn
