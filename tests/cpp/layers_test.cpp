#include "frontends/cpp/layers.h"

#include <gtest/gtest.h>

#include <cmath>

#include "frontends/cpp/model_builder.h"

namespace descent::nn {
namespace {

/// A layer applied to an input: the shape it gives, its parameters as PyTorch's named_parameters()
/// and named_buffers() list them.
struct Sample {
  const char* name;
  Layer layer;
  Shape input, output;  ///< without the batch of 2
  std::vector<std::pair<std::string, Shape>> parameters;
};
void PrintTo(const Sample& sample, std::ostream* out) { *out << sample.name; }

std::vector<Sample> Samples() {
  return {
      {"Linear", Linear(3, 5), {4, 3}, {4, 5}, {{"weight", {5, 3}}, {"bias", {5}}}},
      {"LinearWithoutBias", Linear(3, 5, {.bias = false}), {3}, {5}, {{"weight", {5, 3}}}},
      {"Conv2d",
       Conv2d(4, 6, {3, 5}, {.stride = 2, .padding = {1, 2}, .groups = 2}),
       {4, 8, 8},
       {6, 4, 4},
       {{"weight", {6, 2, 3, 5}}, {"bias", {6}}}},
      {"Conv2dDilated",
       Conv2d(1, 1, 3, {.dilation = 2, .bias = false}),
       {1, 8, 8},
       {1, 4, 4},
       {{"weight", {1, 1, 3, 3}}}},
      {"ConvTranspose2d",
       ConvTranspose2d(4, 6, 3, {.stride = 2, .padding = 1, .output_padding = 1}),
       {4, 5, 5},
       {6, 10, 10},
       {{"weight", {4, 6, 3, 3}}, {"bias", {6}}}},
      {"BatchNorm2d",
       BatchNorm2d(3),
       {3, 4, 4},
       {3, 4, 4},
       {{"weight", {3}}, {"bias", {3}}, {"running_mean", {3}}, {"running_var", {3}}}},
      {"LayerNorm", LayerNorm(3), {4, 3}, {4, 3}, {{"weight", {3}}, {"bias", {3}}}},
      {"LayerNormWithoutBias", LayerNorm(3, {.bias = false}), {3}, {3}, {{"weight", {3}}}},
      {"MaxPool2d", MaxPool2d(3, {.stride = 2, .padding = 1}), {1, 8, 8}, {1, 4, 4}, {}},
      {"AvgPool2d", AvgPool2d(2), {1, 8, 8}, {1, 4, 4}, {}},
      {"AdaptiveAvgPool2d", AdaptiveAvgPool2d({1, 2}), {3, 8, 8}, {3, 1, 2}, {}},
      {"Upsample", Upsample(2), {3, 4, 5}, {3, 8, 10}, {}},
      {"Flatten", Flatten(), {3, 4, 5}, {60}, {}},
      {"Identity", Identity(), {3}, {3}, {}},
      {"ReLU6", ReLU6(), {3}, {3}, {}},
      {"LeakyReLU", LeakyReLU(), {3}, {3}, {}},
      {"GELU", GELU("tanh"), {3}, {3}, {}},
      {"SiLU", SiLU(), {3}, {3}, {}},
      {"Tanh", Tanh(), {3}, {3}, {}},
      {"Dropout2d", Dropout2d(), {3, 2, 2}, {3, 2, 2}, {}},
      {"Residual",
       Residual(Linear(3, 3), Linear(3, 3, {.bias = false})),
       {3},
       {3},
       {{"body.weight", {3, 3}}, {"body.bias", {3}}, {"shortcut.weight", {3, 3}}}},
      {"LSTM",
       LSTM(3, 4, {.num_layers = 2, .batch_first = true}),
       {5, 3},
       {5, 4},
       {{"weight_ih_l0", {16, 3}},
        {"weight_hh_l0", {16, 4}},
        {"bias_ih_l0", {16}},
        {"bias_hh_l0", {16}},
        {"weight_ih_l1", {16, 4}},
        {"weight_hh_l1", {16, 4}},
        {"bias_ih_l1", {16}},
        {"bias_hh_l1", {16}}}},
      {"GRU",
       GRU(3, 4, {.bias = false, .batch_first = true, .bidirectional = true}),
       {5, 3},
       {5, 8},
       {{"weight_ih_l0", {12, 3}},
        {"weight_hh_l0", {12, 4}},
        {"weight_ih_l0_reverse", {12, 3}},
        {"weight_hh_l0_reverse", {12, 4}}}},
      {"RNN",
       RNN(3, 4, {.bias = false, .batch_first = true}),
       {5, 3},
       {5, 4},
       {{"weight_ih_l0", {4, 3}}, {"weight_hh_l0", {4, 4}}}},
      {"MultiheadAttention",
       MultiheadAttention(6, 2, {.causal = true}),
       {5, 6},
       {5, 6},
       {{"in_proj_weight", {18, 6}},
        {"in_proj_bias", {18}},
        {"out_proj.weight", {6, 6}},
        {"out_proj.bias", {6}}}},
      {"TransformerEncoder",
       TransformerEncoder(6, 2, 1, {.hidden = 8, .norm_first = true}),
       {5, 6},
       {5, 6},
       {{"layers.0.self_attn.in_proj_weight", {18, 6}},
        {"layers.0.self_attn.in_proj_bias", {18}},
        {"layers.0.self_attn.out_proj.weight", {6, 6}},
        {"layers.0.self_attn.out_proj.bias", {6}},
        {"layers.0.linear1.weight", {8, 6}},
        {"layers.0.linear1.bias", {8}},
        {"layers.0.linear2.weight", {6, 8}},
        {"layers.0.linear2.bias", {6}},
        {"layers.0.norm1.weight", {6}},
        {"layers.0.norm1.bias", {6}},
        {"layers.0.norm2.weight", {6}},
        {"layers.0.norm2.bias", {6}}}},
  };
}

class Layers : public testing::TestWithParam<Sample> {};
INSTANTIATE_TEST_SUITE_P(All, Layers, testing::ValuesIn(Samples()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(Layers, ShapesAndParametersArePyTorchs) {
  const Sample& sample = GetParam();
  ModelBuilder m("net", 2);
  const Layer layer = m.Add(sample.layer);
  const Variable y = layer(m.Input("x", sample.input));
  Shape wanted = sample.output;
  wanted.insert(wanted.begin(), 2);
  EXPECT_EQ(y.shape(), wanted);
  std::vector<std::pair<std::string, Shape>> parameters;
  for (const NamedParameter& each : layer.parameters())
    parameters.emplace_back(each.name, each.parameter.shape());
  EXPECT_EQ(parameters, sample.parameters);
  m.Predict("y", y);
  const auto model = std::move(m).Build();
  EXPECT_TRUE(model) << model.error().message;
}

TEST(Layers, AnEmbeddingReadsRows) {
  ModelBuilder m("net", 2);
  const Variable y = m.Add(Embedding(7, 3))(m.Input("x", {5}, {.dtype = DType::kI64}));
  EXPECT_EQ(y.shape(), (Shape{2, 5, 3}));
}

/// The limit of the uniform numbers that fill a parameter at first.
double Limit(const Parameter& parameter) {
  const Initializer& initializer = parameter.initializer();
  EXPECT_EQ(initializer.op, "random_uniform");
  EXPECT_EQ(initializer.attributes.Float("low"), -initializer.attributes.Float("high"));
  return initializer.attributes.Float("high");
}

TEST(Layers, FirstValuesArePyTorchs) {
  EXPECT_DOUBLE_EQ(Limit(Linear(784, 5).parameter("weight")), 1 / 28.0);
  EXPECT_DOUBLE_EQ(Limit(Linear(784, 5).parameter("bias")), 1 / 28.0);
  EXPECT_DOUBLE_EQ(Limit(Conv2d(32, 64, 5, {.groups = 2}).parameter("bias")), 1 / std::sqrt(400.0));
  // torch.nn.ConvTranspose2d(4, 6, 3): fans count axis 1 of the weights, [4, 6, 3, 3].
  EXPECT_DOUBLE_EQ(Limit(ConvTranspose2d(4, 6, 3).parameter("weight")), 1 / std::sqrt(54.0));
  EXPECT_DOUBLE_EQ(Limit(LSTM(3, 16).parameter("weight_ih_l0")), 0.25);
  EXPECT_EQ(Embedding(3, 4).parameter("weight").initializer().attributes.Float("std"), 1);
  const Layer attention = MultiheadAttention(6, 2);
  EXPECT_EQ(attention.parameter("in_proj_weight").initializer().op, "glorot_uniform");
  EXPECT_EQ(attention.parameter("out_proj.bias").initializer().op, "zeros");
}

TEST(Layers, ASharedParameterIsStoredOnce) {
  const Layer table = Embedding(7, 3);
  const Layer head = Linear(3, 7, {.bias = false, .weight = table.parameter("weight")});
  const Layer net("Tied", {{"wte", table}, {"head", head}},
                  [=](const Variable& x) { return head(table(x)); });
  ASSERT_EQ(net.parameters().size(), 1u);
  EXPECT_EQ(net.parameters()[0].name, "wte.weight");
}

TEST(Layers, AFrozenParameterIsNotTrained) {
  const Layer net = Sequential(Linear(3, 2), Linear(2, 1));
  net.parameter("0.weight").Freeze();
  ModelBuilder m("net", 2);
  m.Train(Sum(m.Add(net)(m.Input("x", {3}))), Sgd(0.1, {.weight_decay = 0.5}));
  const auto model = std::move(m).Build();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_FALSE(model->FindSlot("0.weight")->trainable);
  EXPECT_EQ(model->FindSlot("0.weight")->l2, 0);
  EXPECT_TRUE(model->FindSlot("1.weight")->trainable);
}

TEST(Layers, OnesThatMixHeadsAreRefused) {
  ModelBuilder m("net", 2);
  m.Predict("y", m.Add(MultiheadAttention(6, 4))(m.Input("x", {5, 6})));
  const auto model = std::move(m).Build();
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().message, "in MultiheadAttention: 4 heads do not divide a width of 6");
}

}  // namespace
}  // namespace descent::nn
