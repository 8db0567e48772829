#include "frontends/cpp/network.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"
#include "runtime/file.h"
#include "runtime/safetensors.h"

namespace descent::nn {
namespace {

/// y = w x + b by one step of plain descent at a time.
Model Line() {
  ModelBuilder m("line", 2);
  const Layer net = m.Add(Linear(1, 1));
  const Variable x = m.Input("x", {1}), y = m.Label({1}, DType::kF32);
  const Variable told = net(x);
  m.Predict("told", told);
  m.Train(Mse(told, y), Sgd(0.25));
  auto model = std::move(m).Build();
  DESCENT_CHECK(model.has_value(), model.error().message);
  return *std::move(model);
}

Network Compiled(const NetworkOptions& options = {}) {
  auto network = Network::Compile(Line(), options);
  DESCENT_CHECK(network.has_value(), network.error().message);
  return *std::move(network);
}

Tensor Column(double first, double second) {
  return Tensor::FromDoubles({DType::kF32, {2, 1}}, std::vector<double>{first, second});
}

TEST(Network, LearnsALine) {
  Network network = Compiled();
  const Tensors batch = {{"x", Column(0, 2)}, {"label", Column(1, -3)}};
  for (int step = 0; step < 200; ++step) ASSERT_TRUE(network.TrainStep(batch));
  EXPECT_NEAR(network.Get("weight")->GetDouble(0), -2, 1e-4);
  EXPECT_NEAR(network.Get("bias")->GetDouble(0), 1, 1e-4);
  EXPECT_NEAR(*network.Evaluate(batch), 0, 1e-8);
  const auto told = network.Predict({{"x", Column(1, 3)}});
  ASSERT_TRUE(told);
  EXPECT_NEAR(told->at("told").GetDouble(0), -1, 1e-3);
  EXPECT_NEAR(told->at("told").GetDouble(1), -5, 1e-3);
}

TEST(Network, TheSeedGivesTheFirstValues) {
  const Tensor one = *Compiled({.seed = 1}).Get("weight");
  EXPECT_EQ(*Compiled({.threads = 3, .seed = 1}).Get("weight"), one);
  EXPECT_FALSE(*Compiled({.seed = 2}).Get("weight") == one);
}

TEST(Network, InputsAreChecked) {
  Network network = Compiled();
  EXPECT_EQ(network.TrainStep({{"x", Column(0, 1)}}).error().message,
            "train_step: input 'label' is missing");
  EXPECT_EQ(network.Predict({{"x", Tensor::Scalar(DType::kF32, 1)}}).error().message,
            "predict: input 'x' must be f32[2, 1], not f32[]");
  EXPECT_EQ(network.Get("wieght").error().message, "there is no state 'wieght'");
}

TEST(Network, AModelWithoutALossIsRefused) {
  ModelBuilder m("plain", 2);
  m.Predict("y", m.Input("x", {1}) + 1.0);
  const auto model = std::move(m).Build();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(Network::Compile(*model).error().message,
            "model 'plain' has no loss, so it cannot be trained");
}

TEST(Network, SavesItsParameters) {
  const Network network = Compiled();
  const std::string path = testing::TempDir() + "/network.safetensors";
  ASSERT_TRUE(network.Save(path));
  const auto bytes = runtime::ReadFile(path);
  ASSERT_TRUE(bytes);
  const auto file = runtime::ParseSafetensors(*bytes, path);
  ASSERT_TRUE(file);
  ASSERT_EQ(file->tensors.size(), 2u);
  EXPECT_EQ(file->Find("weight")->shape, (std::vector<int64_t>{1, 1}));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace descent::nn
