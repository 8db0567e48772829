#include "frontends/cpp/model_builder.h"

#include <gtest/gtest.h>

#include "frontends/cpp/initializers.h"
#include "frontends/cpp/layers.h"
#include "ir/io/model_file.h"
#include "ir/op_def.h"

namespace descent::nn {
namespace {

std::string Text(ModelBuilder&& m) {
  const auto model = std::move(m).Build();
  if (!model) return "error: " + model.error().message;
  const auto text = SerializeModel(*model, ModelForm::kText);
  return text ? *text : "error: " + text.error().message;
}

TEST(ModelBuilder, GivesWhatIsWrittenByHand) {
  ModelBuilder m("net", 4);
  m.Comment("Two classes.");
  const Variable x = m.Input("x", {3}, Pixels());
  const Variable label = m.Label();
  const Layer net = Sequential(Linear(3, 5), BatchNorm1d(5), ReLU(), Dropout(0.25), Linear(5, 2));
  net.Initialize("*.weight", init::Normal(0, 0.5));
  net.Initialize("*.bias", init::Zeros());
  const Variable logits = m.Add(net)(x);
  m.Classify(logits, label);
  m.Train(CrossEntropy(logits, label), Sgd(0.1, {.momentum = 0.9, .weight_decay = 0.5}));
  EXPECT_EQ(Text(std::move(m)), R"(# Two classes.
descent 1

model net {
  batch 4

  input x: f32[batch, 3] from features normalize scale(0.00392156862745098)
  input label: i64[batch] from label

  parameter "0.weight": f32[5, 3] = random_normal(mean=0.0, std=0.5) {l2=0.25}
  parameter "0.bias": f32[5] = zeros {l2=0.25}
  parameter "1.weight": f32[5] = random_normal(mean=0.0, std=0.5) {l2=0.25}
  parameter "1.bias": f32[5] = zeros {l2=0.25}
  statistic "1.running_mean": f32[5] = zeros -> "1.running_mean.next"
  statistic "1.running_var": f32[5] = ones -> "1.running_var.next"
  parameter "4.weight": f32[2, 5] = random_normal(mean=0.0, std=0.5) {l2=0.25}
  parameter "4.bias": f32[2] = zeros {l2=0.25}

  "0": f32[4, 5] = linear(x, "0.weight", "0.bias")
  "1": f32[4, 5], "1.running_mean.next": f32[5], "1.running_var.next": f32[5] = batch_norm(
      "0", "1.weight", "1.bias", "1.running_mean", "1.running_var")
  "2": f32[4, 5] = relu("1")
  "3": f32[4, 5] = dropout("2", rate=0.25, stream=1)
  logits: f32[4, 2] = linear("3", "4.weight", "4.bias")
  probabilities: f32[4, 2] = softmax(logits)
  loss: f32[] = cross_entropy(logits, label, axis=-1)

  predict probabilities as probabilities
  metric accuracy = accuracy(logits, label)
  train loss with momentum(learning_rate=0.1, momentum=0.9)
}
)");
}

TEST(ModelBuilder, LayersUnderNamesOfTheirOwn) {
  ModelBuilder m("net", 2);
  const Variable x = m.Input("x", {3});
  const Layer encoder = m.Add("encoder", Linear(3, 1)), decoder = m.Add("decoder", Linear(1, 3));
  m.Train(Mse(decoder(encoder(x)), x), Adam());
  const auto model = std::move(m).Build();
  ASSERT_TRUE(model) << model.error().message;
  std::vector<std::string> names;
  for (const Slot& slot : model->slots) names.push_back(slot.name);
  EXPECT_EQ(names, (std::vector<std::string>{"encoder.weight", "encoder.bias", "decoder.weight",
                                             "decoder.bias"}));
}

TEST(ModelBuilder, OnlyOutputsThatNothingImpliesAreListed) {
  ModelBuilder m("net", 2);
  const Variable x = m.Input("x", {3});
  const Variable y = m.Add(Linear(3, 1))(x);
  m.Train(Mean(y), Adam());
  m.Predict("y", y);
  m.Output("twice", y * 2.0);
  const std::string text = Text(std::move(m));
  EXPECT_NE(text.find("output twice\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("output y"), std::string::npos) << text;
  EXPECT_EQ(text.find("output loss"), std::string::npos) << text;
}

TEST(ModelBuilder, AStatisticIsReplacedAtEveryUse) {
  ModelBuilder m("net", 2);
  const Layer norm = m.Add(BatchNorm1d(3));
  const Variable x = m.Input("x", {3});
  m.Train(Sum(norm(norm(x))), Adam());
  const auto model = std::move(m).Build();
  ASSERT_TRUE(model) << model.error().message;
  // The second use reads what the first one has left.
  const Graph& graph = model->graph;
  const Node& last = graph.node(graph.FindOutput("running_mean.next")->value);
  EXPECT_EQ(last.op->name, "batch_norm");
  EXPECT_EQ(graph.node(last.operands[3]).op->name, "batch_norm");
}

TEST(ModelBuilder, SeveralUpdatesOverParametersOfTheirOwn) {
  ModelBuilder m("net", 2);
  const Layer a = m.Add("a", Linear(3, 1)), b = m.Add("b", Linear(3, 1));
  const Variable x = m.Input("x", {3});
  m.Train(Sum(a(x)), Sgd(0.1, {.weight_decay = 0.2}), "a.*");
  m.Train(Sum(b(x)), Adam(), "b.*");
  const auto model = std::move(m).Build();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->updates[1].loss, "loss2");
  EXPECT_EQ(model->FindSlot("a.weight")->l2, 0.1);
  EXPECT_EQ(model->FindSlot("b.weight")->l2, 0);
}

// ---- errors -----------------------------------------------------------------------------------

/// The first error of a model that trains on what `build` gives.
std::string ErrorOf(Variable (*build)(ModelBuilder&, const Variable&)) {
  ModelBuilder m("net", 2);
  const Variable x = m.Input("x", {3});
  m.Train(Sum(build(m, x)), Adam());
  const auto model = std::move(m).Build();
  return model ? "" : model.error().message;
}

TEST(ModelBuilder, AnErrorNamesTheLayer) {
  EXPECT_EQ(ErrorOf([](ModelBuilder& m, const Variable& x) {
              return m.Add(Sequential(Linear(3, 4), Sequential(ReLU(), Linear(5, 1))))(x);
            }),
            "in '1.1' (Linear): linear: x [2, 4] must have 5 elements along its last axis, as w "
            "[1, 5] takes them");
}

TEST(ModelBuilder, ALayerThatWasNotAddedIsAnError) {
  EXPECT_EQ(ErrorOf([](ModelBuilder&, const Variable& x) { return Linear(3, 4)(x); }),
            "in Linear: reads a parameter that is not the model's: add the layer, and list its "
            "members");
}

TEST(ModelBuilder, AMemberThatIsNotListedIsAnError) {
  EXPECT_EQ(ErrorOf([](ModelBuilder& m, const Variable& x) {
              const Layer inner = Linear(3, 4);
              return m.Add(Layer("Forgetful", [=](const Variable& y) { return inner(y); }))(x);
            }),
            "in Linear: reads a parameter that is not the model's: add the layer, and list its "
            "members");
}

TEST(ModelBuilder, AParameterThatIsNotThereIsAnError) {
  EXPECT_EQ(ErrorOf([](ModelBuilder& m, const Variable& x) {
              const Layer a = m.Add(Linear(3, 4));
              return m.Add("b", Linear(3, 4, {.weight = a.parameter("wieght")}))(x);
            }),
            "'b.weight': there is no parameter 'wieght' to share");
}

TEST(ModelBuilder, EqualNamesAreAnError) {
  EXPECT_EQ(ErrorOf([](ModelBuilder& m, const Variable& x) {
              return m.Add(Linear(3, 3))(m.Add(Linear(3, 3))(x));
            }),
            "two parameters are called 'weight': add their layers under names of their own");
}

TEST(ModelBuilder, WhatDoesNotFitIsAnError) {
  EXPECT_EQ(ErrorOf([](ModelBuilder&, const Variable& x) { return Slice(x, 2, 0, 1); }),
            "[2, 3] has no axis 2");
  EXPECT_EQ(ErrorOf([](ModelBuilder&, const Variable& x) { return Slice(x, 1, 1, 4); }),
            "[1, 4) are no elements of an axis of 3");
  EXPECT_EQ(ErrorOf([](ModelBuilder&, const Variable& x) { return Split(x, 2, 1)[0]; }),
            "an axis of 3 elements is not split into 2 equal parts");
  EXPECT_EQ(ErrorOf([](ModelBuilder&, const Variable& x) { return Apply("rleu", {x}); }),
            "unknown operator 'rleu'");
}

TEST(ModelBuilder, VariablesOfAnotherModelAreAnError) {
  ModelBuilder other("other", 2);
  const Variable stranger = other.Input("x", {3});
  ModelBuilder m("net", 2);
  m.Train(Sum(m.Input("x", {3}) + stranger), Adam());
  const auto model = std::move(m).Build();
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().message, "add: an operand is of another model");
}

TEST(ModelBuilder, HyperparametersAreChecked) {
  ModelBuilder m("net", 2);
  const Layer net = m.Add(Linear(3, 1));
  m.Train(Sum(net(m.Input("x", {3}))), Sgd(0.1, {.momentum = 2}));
  const auto model = std::move(m).Build();
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("momentum"), std::string::npos) << model.error().message;
}

}  // namespace
}  // namespace descent::nn
