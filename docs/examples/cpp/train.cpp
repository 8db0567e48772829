// Builds a network of layers, compiles it into this process, trains it on points it makes up.
#include <cmath>
#include <cstdio>
#include <random>

#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"
#include "frontends/cpp/network.h"
#include "ir/io/model_file.h"

using namespace descent;
using namespace descent::nn;

constexpr int64_t kBatch = 50;

/// Points of the plane; label 1: closer than 3 to the middle.
Tensors Points(std::mt19937& random) {
  std::uniform_real_distribution<double> coordinate(-5, 5);
  std::vector<double> x(2 * kBatch), label(kBatch);
  for (double& each : x) each = coordinate(random);
  for (int64_t i = 0; i < kBatch; ++i) label[i] = std::hypot(x[2 * i], x[2 * i + 1]) < 3;
  return {{"x", Tensor::FromDoubles({DType::kF32, {kBatch, 2}}, x)},
          {"label", Tensor::FromDoubles({DType::kF32, {kBatch, 1}}, label)}};
}

int Fail(const Diagnostic& error) { return std::fputs(error.ToString().c_str(), stderr), 1; }

int main() {
  ModelBuilder m("circle", kBatch);
  const Variable x = m.Input("x", {2}), label = m.Label({1}, DType::kF32);
  const Layer net = m.Add(Sequential(Linear(2, 16), Tanh(), Linear(16, 16), Tanh(), Linear(16, 1)));
  const Variable logit = net(x);
  m.Predict("yhat", Sigmoid(logit), PredictionKind::kProbability);
  m.Train(BceWithLogits(logit, label), Adam(0.01));
  const Result<Model> model = std::move(m).Build();
  if (!model) return Fail(model.error());

  Result<Network> network = Network::Compile(*model);
  if (!network) return Fail(network.error());
  std::mt19937 random(1);
  for (int step = 1; step <= 1000; ++step) {
    const Result<double> loss = network->TrainStep(Points(random));
    if (!loss) return Fail(loss.error());
    if (step == 1 || step % 250 == 0) std::printf("step %4d  loss %.3f\n", step, *loss);
  }
  const bool written = network->Save("circle.safetensors") && WriteModel(*model, "circle.descent");
  return written ? 0 : 1;
}
