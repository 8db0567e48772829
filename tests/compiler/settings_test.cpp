#include "compiler/settings.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/hyperparameter_list.h"
#include "ir/io/text_parser.h"
#include "ir/op_def.h"

namespace descent {
namespace {

Model Source() {
  auto model = ParseText(
      "descent 1\n"
      "model net {\n"
      "  batch 4\n"
      "  input x: f32[batch, 2] from features\n"
      "  input y: f32[batch, 1] from label\n"
      "  parameter W1: f32[2, 3] = glorot_uniform\n"
      "  parameter W2: f32[3, 1] = glorot_uniform\n"
      "  z1 = matmul(x, W1)\n"
      "  a1 = leaky_relu(z1, slope=0.1)\n"
      "  yhat = matmul(a1, W2)\n"
      "  loss = mse(yhat, y)\n"
      "  predict yhat\n"
      "  train loss with sgd(learning_rate=0.3)\n"
      "}\n",
      "net.descent");
  EXPECT_TRUE(model) << model.error().ToString();
  return *std::move(model);
}

Model With(std::vector<std::string> settings) {
  auto model = ApplySettings(Source(), settings);
  EXPECT_TRUE(model) << model.error().ToString();
  return *std::move(model);
}

std::string ErrorOf(std::vector<std::string> settings) {
  auto model = ApplySettings(Source(), settings);
  EXPECT_FALSE(model);
  return model ? "" : model.error().message;
}

TEST(HyperparameterList, NamesEveryUpdateAndWhatItChanges) {
  Model model = Source();
  model.updates.push_back(model.updates[0]);
  model.updates[1].parameters = "W2";
  std::vector<std::string> lines;
  for (const auto& [name, value] : HyperparameterList(model)) lines.push_back(name + "=" + value);
  const auto has = [&](const char* line) { return std::ranges::count(lines, line) == 1; };
  EXPECT_TRUE(has("updates[0].optimizer.learning_rate=0.3"));
  EXPECT_TRUE(has("updates[1].over=W2"));
  EXPECT_FALSE(has("updates[0].over=*"));
}

TEST(Settings, Hyperparameters) {
  const Update update =
      With({"optimizer=momentum", "optimizer.momentum=0.9", "learning_rate=0.5"}).updates[0];
  EXPECT_EQ(update.hyperparameters.Float("momentum"), 0.9);
  EXPECT_EQ(update.hyperparameters.Float("learning_rate"), 0.5);
}

TEST(Settings, AnotherOptimizerKeepsTheRate) {
  const Model momentum = With({"optimizer=momentum", "optimizer.momentum=0.9"});
  const auto adam = ApplySettings(momentum, std::vector<std::string>{"optimizer=adam"});
  ASSERT_TRUE(adam) << adam.error().ToString();
  const Update& update = adam->updates[0];
  EXPECT_EQ(update.optimizer, "adam");
  EXPECT_EQ(update.hyperparameters.size(), 1u);
  EXPECT_EQ(update.hyperparameters.Float("learning_rate"), 0.3);
}

TEST(Settings, AChoiceComesBeforeItsNumbersWhateverTheOrder) {
  const Update update =
      With({"optimizer.momentum=0.5", "schedule.steps=50", "optimizer=momentum", "schedule=cosine"})
          .updates[0];
  EXPECT_EQ(update.hyperparameters.Float("momentum"), 0.5);
  EXPECT_EQ(update.schedule_parameters.Float("steps"), 50);
  EXPECT_NE(ErrorOf({"optimizer.bogus=0.5", "optimizer=adam"}), "");
}

TEST(Settings, ScheduleClippingEvery) {
  const Update update =
      With({"schedule=cosine", "schedule.steps=100", "clip_norm=5", "clip_value=1", "every=2"})
          .updates[0];
  EXPECT_EQ(update.schedule, "cosine");
  EXPECT_EQ(update.schedule_parameters.Float("steps"), 100);
  EXPECT_EQ(update.clip_norm, 5);
  EXPECT_EQ(update.clip_value, 1);
  EXPECT_EQ(update.every, 2);
}

TEST(Settings, OneUpdateByNumber) {
  EXPECT_EQ(With({"updates[0].optimizer=momentum", "updates[0].optimizer.momentum=0.5"})
                .updates[0]
                .hyperparameters.Float("momentum"),
            0.5);
  EXPECT_NE(ErrorOf({"updates[1].optimizer.momentum=0.5"}).find("has 1 update,"),
            std::string::npos);
  EXPECT_NE(ErrorOf({"updates[x].every=2"}).find("updates[N].NAME"), std::string::npos);
}

TEST(Settings, ParametersByPattern) {
  const Model model = With({"W*.l2=0.01", "W2.trainable=false", "W1.weight_decay=0.1"});
  EXPECT_EQ(model.FindSlot("W1")->l2, 0.01);
  EXPECT_EQ(model.FindSlot("W2")->l2, 0.01);
  EXPECT_FALSE(model.FindSlot("W2")->trainable);
  EXPECT_EQ(model.FindSlot("W1")->weight_decay, 0.1);
  EXPECT_FALSE(model.FindSlot("W2")->weight_decay);
}

TEST(Settings, AttributesOfOperators) {
  const Model model = With({"a1.slope=0.25"});
  bool found = false;
  for (const Node& node : model.graph.nodes()) {
    if (node.op->name != "leaky_relu") continue;
    found = true;
    EXPECT_EQ(node.attributes.Float("slope"), 0.25);
    EXPECT_EQ(node.label.names[0], "a1");
  }
  EXPECT_TRUE(found);
  EXPECT_NE(model.graph.FindOutput("yhat"), nullptr);
}

TEST(Settings, LaterOnesWin) {
  EXPECT_EQ(With({"learning_rate=1", "learning_rate=2"})
                .updates[0]
                .hyperparameters.Float("learning_rate"),
            2);
}

/// Values that the model refuses only when all settings are there.
TEST(Settings, NamesOfTheStateAreTakenOnce) {
  const auto error = [](const std::string& name, const std::string& optimizer) {
    Model model = Source();
    GraphBuilder b;
    for (Slot& slot : model.slots)
      if (slot.name == "W2") slot.name = name;
    const std::vector<Value> inputs = [&] {
      std::vector<Value> values;
      for (const NamedValue& input : model.graph.inputs())
        values.push_back(
            b.Input(input.name == "W2" ? name : input.name, model.graph.type(input.value)));
      return values;
    }();
    const auto copied = Inline(model.graph, inputs, b);
    EXPECT_TRUE(copied);
    for (const NamedValue& output : model.graph.outputs())
      b.Output(output.name, (*copied)[output.value.node][output.value.result]);
    model.graph = std::move(b).Build();
    model.updates[0].optimizer = optimizer;
    const auto checked = CheckConfigured(model);
    return checked ? "" : checked.error().message;
  };
  EXPECT_EQ(error("step", "sgd"), "parameter 'step' has the name of what every program keeps");
  EXPECT_EQ(error("W1.velocity", "momentum"),
            "parameter 'W1.velocity' has the name of what the optimizer keeps for 'W1'");
  EXPECT_EQ(error("W1.velocity", "sgd"), "");
}

TEST(Settings, ErrorsNameTheSettingAndNoPlaceInTheModel) {
  EXPECT_EQ(ErrorOf({"every=2", "learning_rate=abc", "clip_norm=1"}),
            "--set learning_rate=abc: optimizer sgd: learning_rate must be a number, not a string");
  EXPECT_EQ(ErrorOf({"schedule=cosine", "schedule.steps=abc"}),
            "--set schedule.steps=abc: schedule cosine: steps must be a number, not a string");
  EXPECT_EQ(ErrorOf({"schedule=cosine"}), "--set schedule=cosine: schedule cosine needs steps");
  EXPECT_EQ(ErrorOf({"optimizer=adam", "clip_norm=-1"}),
            "--set clip_norm=-1: clip_norm must be above 0, not -1");
  EXPECT_EQ(ErrorOf({"W1.l2=-1"}),
            "--set W1.l2=-1: V12: l1, l2 and weight_decay of 'W1' must be finite and at least 0");
  EXPECT_EQ(ErrorOf({"W*.l2=x"}), "--set 'W*.l2=x': 'W*.l2' takes a number, not 'x'");
  const auto model = ApplySettings(Source(), std::vector<std::string>{"optimizer=fancy"});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().location.file, "command line");
  EXPECT_EQ(model.error().location.line, 0);
}

TEST(Settings, Errors) {
  EXPECT_EQ(ErrorOf({"depth=3"}), "--set depth=3: 'depth' fits nothing in the model");
  EXPECT_EQ(ErrorOf({"depth"}), "--set depth: this is not of the form NAME=VALUE");
  EXPECT_EQ(ErrorOf({"a1.steepness=1"}),
            "--set a1.steepness=1: 'a1.steepness' fits nothing in the model");
  EXPECT_EQ(ErrorOf({"a1.slope=steep"}),
            "--set a1.slope=steep: 'a1.slope' takes a number, not 'steep'");
  EXPECT_EQ(ErrorOf({"W3.l1=1"}), "--set W3.l1=1: 'W3.l1' fits nothing in the model");
  EXPECT_EQ(ErrorOf({"W1.trainable=maybe"}),
            "--set W1.trainable=maybe: 'W1.trainable' takes true or false, not 'maybe'");
  EXPECT_EQ(ErrorOf({"every=0"}), "--set every=0: 'every' takes a whole number above 0, not '0'");
}

}  // namespace
}  // namespace descent
