// Twenty training steps of every optimizer and option against optimizer_reference.txt, which
// optimizer_reference.py (NumPy, closed-form gradients) wrote.
#include "compiler/graph/optimizers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "compiler/graph/pipeline.h"
#include "compiler/graph/schedules.h"
#include "compiler/graph/specialize.h"
#include "ir/interpreter.h"
#include "ir/io/text_parser.h"
#include "tests/compiler/graph/sample_models.h"

namespace descent {
namespace {

using ::descent::testing::Contains;

using Path = std::vector<std::vector<double>>;

/// Case name -> parameters after each step.
std::map<std::string, Path> ReadReference() {
  std::ifstream file(std::string(DESCENT_SOURCE_DIR) +
                     "/tests/compiler/graph/optimizer_reference.txt");
  std::map<std::string, Path> cases;
  std::string line, name;
  while (std::getline(file, line)) {
    if (std::isalpha(static_cast<unsigned char>(line[0]))) {
      name = line;
      continue;
    }
    std::istringstream numbers(line);
    std::vector<double> row;
    for (double number; numbers >> number;) row.push_back(number);
    cases[name].push_back(row);
  }
  return cases;
}

/// mean((x w - y)^2); `options` are those of the parameter.
std::string OneParameter(const std::string& train, const std::string& options = "") {
  return fmt::format(R"(descent 1
model quadratic {{
  batch 4
  input x: f64[batch, 3] from features
  input y: f64[batch, 1] from label
  parameter w: f64[3, 1] {}
  z = matmul(x, w)
  d = sub(z, y)
  s = square(d)
  loss = mean(s)
  train loss with {}
}}
)",
                     options, train);
}

constexpr std::string_view kTwoUpdates = R"(descent 1
model two_updates {
  batch 4
  input x: f64[batch, 3] from features
  input y: f64[batch, 1] from label
  parameter u: f64[3, 1]
  parameter w: f64[3, 1]
  fit = matmul(x, u)
  d = sub(fit, y)
  s = square(d)
  loss = mean(s)
  follow = matmul(x, w)
  e = sub(follow, fit)
  q = square(e)
  distance = mean(q)
  train loss with sgd(learning_rate=0.1) over "u"
  train distance with momentum(learning_rate=0.05) over "w"
}
)";

/// The first update's result depends on what the second changes: it is a constant there.
constexpr std::string_view kTakeTurns = R"(descent 1
model take_turns {
  batch 4
  input x: f64[batch, 3] from features
  input y: f64[batch, 1] from label
  parameter u: f64[3, 1]
  parameter w: f64[3, 1]
  a = matmul(x, u)
  b = matmul(x, w)
  z = mul(a, b)
  loss = mse(z, y)
  train loss with sgd(learning_rate=0.02) over "u"
  train loss with sgd(learning_rate=0.02) over "w"
}
)";

const std::map<std::string, std::string>& Models() {
  static const std::map<std::string, std::string> kModels = {
      {"sgd", OneParameter("sgd(learning_rate=0.05)")},
      {"momentum", OneParameter("momentum(learning_rate=0.02)")},
      {"nesterov", OneParameter("nesterov(learning_rate=0.02, momentum=0.8)")},
      {"adam", OneParameter("adam(learning_rate=0.1)")},
      {"adam_betas", OneParameter("adam(learning_rate=0.1, beta1=0.5, beta2=0.9, epsilon=0.001)")},
      {"adamw", OneParameter("adamw(learning_rate=0.1)")},
      {"rmsprop", OneParameter("rmsprop")},
      {"rmsprop_momentum", OneParameter("rmsprop(alpha=0.9, momentum=0.5)")},
      {"adagrad", OneParameter("adagrad(learning_rate=0.5)")},
      {"adagrad_decay",
       OneParameter("adagrad(learning_rate=0.5, learning_rate_decay=0.1, initial_sum=0.2)")},
      {"step_schedule",
       OneParameter("sgd(learning_rate=0.1) schedule step(step_size=5, gamma=0.5)")},
      {"cosine", OneParameter("sgd(learning_rate=0.1) schedule cosine(steps=15, minimum=0.1)")},
      {"warm_up", OneParameter("sgd(learning_rate=0.1) schedule warm_up(steps=8)")},
      {"warm_up_cosine",
       OneParameter("adam(learning_rate=0.1) schedule cosine(steps=10, warmup_steps=5)")},
      {"clip_value", OneParameter("sgd(learning_rate=0.1) clip_value 0.7")},
      {"clip_norm", OneParameter("sgd(learning_rate=0.1) clip_norm 1.5")},
      {"l1", OneParameter("sgd(learning_rate=0.05)", "{l1=0.3}")},
      {"l2", OneParameter("momentum(learning_rate=0.02)", "{l2=0.1}")},
      {"weight_decay", OneParameter("sgd(learning_rate=0.05)", "{weight_decay=0.2}")},
      {"every", OneParameter("adam(learning_rate=0.1) every 3")},
      {"two_updates", std::string(kTwoUpdates)},
      {"take_turns", std::string(kTakeTurns)},
  };
  return kModels;
}

/// The state of one run, by slot name, and the system's.
class Training {
 public:
  Training(const Model& source, const std::vector<std::string>& passes)
      : model_(*RunPasses(source, passes, {.pass = {.entry = "train_step"}})) {
    const double first[] = {0.3, -0.2, 0.1}, second[] = {-0.3, 0.2, -0.1};
    state_.emplace("x", Tensor::FromDoubles(
                            {DType::kF64, {4, 3}},
                            std::vector<double>{1, 2, -1, 0.5, -1.5, 2, -2, 0.25, 1, 3, 1, 0.5}));
    state_.emplace("y",
                   Tensor::FromDoubles({DType::kF64, {4, 1}}, std::vector<double>{1, -2, 0.5, 3}));
    bool is_first = true;
    for (const Slot& slot : model_.slots) {
      if (slot.kind == SlotKind::kParameter) {
        parameters_.push_back(slot.name);
        state_.emplace(slot.name, Tensor::FromDoubles(slot.type, is_first ? first : second));
        is_first = false;
      } else {
        const Attribute* value = slot.initializer.attributes.Find("value");
        state_.emplace(slot.name,
                       Tensor::Full(slot.type, value != nullptr ? std::get<double>(*value) : 0));
      }
    }
    rate_ = HyperparametersOf(source.updates[0]).Float("learning_rate");
  }

  /// What set_learning_rate does between two steps.
  void SetLearningRate(double rate) { rate_ = rate; }

  /// One step; all parameters, one after another.
  std::vector<double> Step() {
    std::vector<Tensor> inputs;
    for (const NamedValue& input : model_.graph.inputs()) inputs.push_back(state_.at(input.name));
    const auto run = Interpret(model_.graph, inputs, {.step = step_, .learning_rate = rate_});
    EXPECT_TRUE(run.has_value()) << run.error().message;
    for (size_t i = 0; i < run->outputs.size(); ++i) {
      const std::string& name = model_.graph.outputs()[i].name;
      if (name == "next.step")
        step_ = run->outputs[i].GetInt(0);
      else if (name.starts_with("next."))
        state_.at(name.substr(5)) = run->outputs[i];
    }
    std::vector<double> values;
    for (const std::string& parameter : parameters_)
      for (int64_t i = 0; i < state_.at(parameter).elements(); ++i)
        values.push_back(state_.at(parameter).GetDouble(i));
    return values;
  }

 private:
  Model model_;
  std::map<std::string, Tensor> state_;
  std::vector<std::string> parameters_;
  int64_t step_ = 0;
  double rate_ = 0;
};

void ExpectPath(const std::string& name, const Path& expected) {
  const auto source = ParseText(Models().at(name), name);
  ASSERT_TRUE(source.has_value()) << source.error().ToString();
  Training training(*source, StandardPasses(*source));
  ASSERT_EQ(expected.size(), 20u);
  for (size_t step = 0; step < expected.size(); ++step) {
    const std::vector<double> actual = training.Step();
    ASSERT_EQ(actual.size(), expected[step].size());
    for (size_t i = 0; i < actual.size(); ++i)
      ASSERT_NEAR(actual[i], expected[step][i], 1e-12 * std::max(1.0, std::abs(actual[i])))
          << name << ", step " << step << ", element " << i;
  }
}

TEST(Optimizers, FollowTheReference) {
  const auto reference = ReadReference();
  ASSERT_EQ(reference.size(), Models().size());
  for (const auto& [name, path] : reference) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(Models().contains(name));
    ExpectPath(name, path);
  }
}

TEST(Optimizers, HaveAReferenceEach) {
  for (const Optimizer& optimizer : Optimizers())
    EXPECT_TRUE(Models().contains(std::string(optimizer.name))) << optimizer.name;
}

TEST(Schedules, HaveAReferenceEach) {
  for (const Schedule& schedule : Schedules()) {
    const std::string used =
        schedule.name == "constant" ? "" : fmt::format("schedule {}", schedule.name);
    EXPECT_TRUE(std::ranges::any_of(Models(), [&](const auto& model) {
      return model.second.contains(used);
    })) << schedule.name;
  }
}

/// The rate set from outside takes the place of the optimizer's own; a schedule still scales it.
TEST(Optimizers, FollowARateSetBetweenSteps) {
  const auto step_after = [](const std::string& train, double rate) {
    const auto source = ParseText(OneParameter(train), "rate");
    Training training(*source, StandardPasses(*source));
    const std::vector<double> before = training.Step();
    training.SetLearningRate(rate);
    std::vector<double> moved = training.Step();
    for (size_t i = 0; i < moved.size(); ++i) moved[i] -= before[i];
    return moved;
  };
  for (const std::string train :
       {"sgd(learning_rate=0.05)", "sgd(learning_rate=0.05) schedule warm_up(steps=4)"}) {
    const auto once = step_after(train, 0.05), twice = step_after(train, 0.1);
    for (size_t i = 0; i < once.size(); ++i) EXPECT_NEAR(twice[i], 2 * once[i], 1e-12) << train;
  }
}

Diagnostic ErrorOf(const std::string& train) {
  const auto source = ParseText(OneParameter(train), "input");
  if (!source) return source.error();
  const auto result = Specialize(*source, {.entry = "train_step"});
  EXPECT_FALSE(result.has_value()) << train;
  return result ? Diagnostic{} : result.error();
}

TEST(Optimizers, RefuseWhatTheyDoNotKnow) {
  EXPECT_TRUE(Contains(ErrorOf("adamm").ToString(), "no optimizer 'adamm'"));
  EXPECT_TRUE(Contains(ErrorOf("adamm").ToString(), "input:11:3"));
  EXPECT_TRUE(Contains(ErrorOf("adamm").ToString(), "there are sgd, momentum"));
  EXPECT_TRUE(Contains(ErrorOf("sgd(momentum=0.9)").ToString(),
                       "optimizer sgd has no hyperparameter 'momentum'"));
  EXPECT_TRUE(Contains(ErrorOf("sgd(momentum=0.9)").ToString(), "it takes learning_rate"));
  EXPECT_TRUE(Contains(ErrorOf("adam(beta1=1.5)").ToString(),
                       "beta1 must be at least 0 and below 1, not 1.5"));
  // The corrections would divide by 0.
  for (const char* beta : {"beta1", "beta2"})
    EXPECT_TRUE(Contains(ErrorOf(fmt::format("adam({}=1)", beta)).ToString(),
                         fmt::format("{} must be at least 0 and below 1, not 1", beta)));
  EXPECT_TRUE(Contains(ErrorOf("sgd schedule step").ToString(), "schedule step needs step_size"));
  EXPECT_TRUE(Contains(ErrorOf("sgd schedule linear").ToString(), "no schedule 'linear'"));
  EXPECT_TRUE(Contains(ErrorOf("sgd schedule cosine(steps=1.5)").ToString(), "whole number"));
  EXPECT_TRUE(Contains(ErrorOf("sgd clip_norm 0.0").ToString(), "clip_norm must be above 0"));
}

}  // namespace
}  // namespace descent
