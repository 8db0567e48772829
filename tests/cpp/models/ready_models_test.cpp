#include "frontends/cpp/models/ready_models.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "compiler/compile.h"
#include "frontends/cpp/network.h"

namespace descent::nn {
namespace {

Model Built(std::string_view name, const std::vector<Size>& sizes) {
  const ReadyModel* ready = FindReadyModel(name);
  DESCENT_CHECK(ready != nullptr, "a test names a ready model");
  auto model = BuildReadyModel(*ready, sizes);
  DESCENT_CHECK(model.has_value(), model.error().message);
  return *std::move(model);
}

int64_t ParameterElements(const Model& model) {
  int64_t elements = 0;
  for (const Slot& slot : model.slots)
    if (slot.kind == SlotKind::kParameter) elements += slot.type.elements();
  return elements;
}

/// The parameters that the same network has in PyTorch: sum(p.numel() for p in m.parameters()).
struct Count {
  const char* name;
  std::vector<Size> sizes;
  int64_t parameters;
};
const Count kCounts[] = {
    {"playground", {}, 13},
    {"mlp", {}, 669'706},
    {"lenet", {}, 857'738},
    {"vgg", {}, 15'253'578},
    // torchvision's vgg16_bn for ImageNet
    {"vgg", {{"size", 224}, {"hidden", 4096}, {"classes", 1000}}, 138'365'992},
    {"resnet18", {}, 11'173'962},
    {"mobilenet_v2", {}, 2'236'682},
    {"mobilenet_v2", {{"classes", 1000}}, 3'504'872},  // torchvision's
    {"mobilenet_v2", {{"width", 48}}, 4'956'362},
    {"unet", {}, 7'762'498},
    {"autoencoder", {}, 419'120},
    {"vae", {}, 652'824},
    {"lstm", {}, 280'897},
    {"transformer_encoder", {}, 524'802},
    {"chargpt", {}, 809'856},
    {"gpt2", {}, 124'439'808},
};

TEST(ReadyModels, HaveAsManyParametersAsInPyTorch) {
  for (const Count& count : kCounts)
    EXPECT_EQ(ParameterElements(Built(count.name, count.sizes)), count.parameters) << count.name;
}

/// Sizes at which a model compiles and learns in seconds.
struct Small {
  const char* name;
  std::vector<Size> sizes;
  std::vector<std::string> settings = {};
};
void PrintTo(const Small& small, std::ostream* out) { *out << small.name; }

const Small kSmall[] = {
    {"playground", {}},
    {"mlp", {{"batch", 8}, {"inputs", 12}, {"width", 16}, {"classes", 3}}},
    {"lenet", {{"batch", 4}, {"size", 8}, {"width", 4}, {"hidden", 16}}},
    {"vgg", {{"batch", 4}, {"width", 4}, {"depth", 11}, {"hidden", 16}}},
    {"resnet18", {{"batch", 4}, {"size", 8}, {"width", 4}}},
    // Its own steps are too long for a batch of so few: losses go up and down by rounding alone.
    {"mobilenet_v2",
     {{"batch", 16}, {"size", 32}, {"width", 4}},
     {"optimizer.learning_rate=0.002"}},
    {"unet", {{"batch", 2}, {"size", 8}, {"width", 4}, {"depth", 2}}},
    {"autoencoder", {{"batch", 8}, {"inputs", 12}, {"width", 16}, {"code", 4}}},
    {"vae", {{"batch", 8}, {"inputs", 12}, {"width", 16}, {"code", 4}}},
    {"lstm", {{"batch", 4}, {"steps", 5}, {"vocabulary", 7}, {"width", 8}}},
    {"transformer_encoder",
     {{"batch", 4}, {"steps", 5}, {"vocabulary", 7}, {"width", 8}, {"heads", 2}, {"hidden", 16}}},
    {"gpt",
     {{"batch", 4}, {"steps", 5}, {"vocabulary", 7}, {"width", 8}, {"depth", 2}, {"heads", 2}}},
    {"chargpt", {{"width", 32}, {"depth", 1}}},
    {"gpt2", {{"steps", 5}, {"positions", 9}, {"vocabulary", 7}, {"width", 24}, {"depth", 1}}},
};

TEST(ReadyModels, AllAreTrainedSmall) {
  for (const ReadyModel& ready : ReadyModels())
    EXPECT_NE(std::ranges::find(kSmall, ready.name, &Small::name), std::end(kSmall)) << ready.name;
}

/// One batch to be learned by heart: numbers from 0 to 1, and classes or tokens below 2.
Tensors Batch(const Model& model, int64_t rows) {
  std::mt19937_64 generator(1);
  Tensors batch;
  for (const InputBinding& input : model.inputs) {
    TensorType type = input.type;
    type.shape[input.batch_axis] = rows;
    std::vector<double> values(static_cast<size_t>(type.elements()));
    for (double& value : values) {
      value = static_cast<double>(generator() >> 11) * 0x1p-53;
      if (!Info(input.type.dtype).is_float || input.column == "label") value = value < 0.5 ? 0 : 1;
    }
    batch.emplace(input.name, Tensor::FromDoubles(type, values));
  }
  return batch;
}

class SmallModels : public testing::TestWithParam<Small> {};
INSTANTIATE_TEST_SUITE_P(All, SmallModels, testing::ValuesIn(kSmall),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(SmallModels, LearnABatch) {
  auto configured =
      Configure(Built(GetParam().name, GetParam().sizes), {.settings = GetParam().settings});
  ASSERT_TRUE(configured) << configured.error().message;
  const Model& model = *configured;
  auto network = Network::Compile(model, {.predict_batch = 1, .evaluate_batch = 3});
  ASSERT_TRUE(network) << network.error().message;
  const Tensors batch = Batch(model, model.batch);
  constexpr int kSteps = 60, kMean = 10;
  double first = 0, last = 0;
  for (int step = 0; step < kSteps; ++step) {
    const auto loss = network->TrainStep(batch);
    ASSERT_TRUE(loss) << loss.error().message;
    ASSERT_TRUE(std::isfinite(*loss)) << "step " << step;
    if (step < kMean) first += *loss / kMean;
    if (step >= kSteps - kMean) last += *loss / kMean;
  }
  EXPECT_LT(last, 0.98 * first);
  const auto loss = network->Evaluate(Batch(model, 3));
  ASSERT_TRUE(loss) << loss.error().message;
  EXPECT_TRUE(std::isfinite(*loss));
  const auto told = network->Predict(Batch(model, 1));
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(told->size(), model.predictions.size());
}

std::string SizeErrorOf(std::string_view name, const std::vector<Size>& sizes) {
  const auto model = BuildReadyModel(*FindReadyModel(name), sizes);
  if (model) return "";
  EXPECT_EQ(model.error().status, ExitStatus::kUsage);
  return model.error().message;
}

TEST(ReadyModels, RefuseSizesThatDoNotFit) {
  EXPECT_EQ(SizeErrorOf("mlp", {{"heads", 3}}),
            "mlp has no size 'heads'; it has batch, inputs, width, depth, classes");
  EXPECT_EQ(SizeErrorOf("mlp", {{"classes", 1}}),
            "classes of mlp must be from 2 to 1048576, not 1");
  EXPECT_EQ(SizeErrorOf("gpt", {{"depth", 1001}}), "depth of gpt must be from 1 to 1000, not 1001");
  EXPECT_EQ(SizeErrorOf("gpt", {{"heads", 3}}),
            "the heads share the width: 128 is no multiple of 3");
  EXPECT_EQ(SizeErrorOf("gpt2", {{"steps", 2000}}),
            "2000 steps are more than the 1024 positions that are known");
  EXPECT_EQ(SizeErrorOf("vgg", {{"depth", 12}}),
            "there is no vgg of depth 12, only of 11, 13, 16 and 19");
  EXPECT_EQ(SizeErrorOf("lenet", {{"size", 3}}),
            "lenet halves images twice: a size of 3 is too small");
  EXPECT_EQ(SizeErrorOf("unet", {{"size", 40}}),
            "unet of depth 4 halves images 4 times, which a size of 40 does not allow");
}

TEST(ReadyModels, TensorsThatAreTooLargeAreAnErrorAtTheirName) {
  const auto model = BuildReadyModel(*FindReadyModel("resnet18"), {{"size", kLargestSize}});
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("'image': f32[32, 3, 1048576, 1048576] is too large"),
            std::string::npos)
      << model.error().message;
}

}  // namespace
}  // namespace descent::nn
