#include "compiler/graph/attach_task.h"

#include <gtest/gtest.h>

#include "compiler/graph/pipeline.h"
#include "compiler/graph/trained_part.h"
#include "ir/io/text_parser.h"
#include "ir/io/text_printer.h"
#include "ir/op_def.h"
#include "tests/compiler/graph/sample_models.h"

namespace descent {
namespace {

using ::descent::testing::Contains;

/// A network without a task, whose output is `end` of z = x W + b.
Model Network(const std::string& end, const std::string& shape = "[4, 3]") {
  auto model = ParseText(fmt::format(R"(descent 1
model net {{
  input x: f32{0}
  parameter body.W: f32[3, 5] = glorot_uniform
  parameter head.W: f32[5, 2] = glorot_uniform
  parameter head.b: f32[2] = ones
  h = matmul(x, body.W)
  s = matmul(h, head.W)
  z = add(s, head.b)
  y = {1}
  output y
}}
)",
                                     shape, end),
                         "net.descent");
  EXPECT_TRUE(model) << model.error().ToString();
  return *std::move(model);
}

Model Attached(const Model& model, const Task& task) {
  auto attached = AttachTask(model, task);
  EXPECT_TRUE(attached) << attached.error().ToString();
  return attached ? *std::move(attached) : Model{};
}

std::string ErrorOf(const Model& model, const Task& task) {
  const auto attached = AttachTask(model, task);
  return attached ? "" : attached.error().message;
}

/// The node that computes the loss, as "op(first operand's op)".
std::string LossOf(const Model& model) {
  const Value loss = model.graph.FindOutput(model.updates[0].loss)->value;
  const Node& node = model.graph.node(loss);
  return fmt::format("{}({})", node.op->name, model.graph.node(node.operands[0]).op->name);
}

TEST(AttachTask, TheFirstOutputOfNumbersCountsThatIsNoNextValue) {
  auto model = ParseText(R"(descent 1
model net {
  input x: f32[4, 3]
  parameter scale: f32[3] = ones
  parameter bias: f32[3] = zeros
  statistic mean: f32[3] = zeros -> next_mean
  statistic variance: f32[3] = ones -> next_variance
  z, next_mean, next_variance = batch_norm(x, scale, bias, mean, variance)
  class = argmax(z, axis=1)
  output class
  output z
}
)",
                         "net.descent");
  ASSERT_TRUE(model) << model.error().ToString();
  const Model attached = Attached(*model, {.loss = "cross_entropy"});
  EXPECT_EQ(LossOf(attached), "cross_entropy(batch_norm)");
}

/// The columns that feed the inputs.
std::string ColumnsOf(const Model& model) {
  std::vector<std::string> columns;
  for (const InputBinding& input : model.inputs) columns.push_back(input.column);
  return fmt::format("{}", fmt::join(columns, " "));
}

TEST(AttachTask, SeveralInputsAreFedByName) {
  const auto model = ParseText(R"(descent 1
model net {
  input image: f32[4, 3]
  input noise: f32[4, 3]
  input wanted: f32[4, 3]
  parameter W: f32[3, 3] = glorot_uniform
  s = matmul(image, W)
  z = add(s, noise)
  loss = mse(z, wanted)
  output loss
  output z
}
)",
                               "net.descent");
  ASSERT_TRUE(model) << model.error().ToString();
  EXPECT_EQ(ColumnsOf(Attached(*model, {})), "image noise label");
  EXPECT_EQ(ColumnsOf(Attached(Network("tanh(z)"), {.loss = "mse"})), "features label");
}

TEST(AttachTask, ProbabilitiesUnderACrossEntropyAreMerged) {
  const struct {
    const char *end, *loss, *expected;
  } cases[] = {
      {"softmax(z)", "cross_entropy", "cross_entropy(add)"},
      {"log_softmax(z)", "nll", "cross_entropy(add)"},
      {"sigmoid(z)", "bce", "bce_with_logits(add)"},
      {"sigmoid(z)", "bce_with_logits", "bce_with_logits(add)"},
      // Another axis is another function.
      {"softmax(z, axis=0)", "cross_entropy", "cross_entropy(softmax)"},
      {"tanh(z)", "mse", "mse(tanh)"},
      {"clamp(z, low=0.1, high=0.9)", "bce", "bce(clamp)"},
  };
  for (const auto& [end, loss, expected] : cases)
    EXPECT_EQ(LossOf(Attached(Network(end), {.loss = loss})), expected) << end << " " << loss;
}

TEST(AttachTask, TheTargetIsTheLabel) {
  const Model classes = Attached(Network("softmax(z)"), {.loss = "cross_entropy"});
  EXPECT_EQ(ToString(classes.FindInput("target")->type), "i64[4]");
  EXPECT_EQ(classes.FindInput("target")->column, "label");
  EXPECT_EQ(classes.batch, 4);
  EXPECT_EQ(classes.FindInput("x")->batch_axis, 0);
  EXPECT_EQ(classes.predictions[0].name, "y");
  EXPECT_EQ(classes.predictions[0].kind, PredictionKind::kProbabilities);
  EXPECT_EQ(classes.metrics[0].op, "accuracy");
  const Model numbers = Attached(Network("tanh(z)"), {.loss = "mse"});
  EXPECT_EQ(ToString(numbers.FindInput("target")->type), "f32[4, 2]");
  EXPECT_EQ(numbers.predictions[0].kind, PredictionKind::kValue);
}

TEST(AttachTask, LogitsArePredictedAsProbabilities) {
  const Model model = Attached(Network("neg(z)"), {.loss = "cross_entropy"});
  EXPECT_EQ(model.predictions[0].name, "probabilities");
  EXPECT_EQ(model.graph.node(model.graph.FindOutput("probabilities")->value).op->name, "softmax");
}

TEST(AttachTask, WhatItGivesCompilesAtEveryEntryPoint) {
  for (const char* loss : {"cross_entropy", "nll", "bce", "bce_with_logits", "mse", "mae", "huber",
                           "smooth_l1", "hinge", "poisson_nll"}) {
    const Model model = Attached(Network("sigmoid(z)"), {.loss = loss, .optimizer = "adamw"});
    for (const char* entry : {"train_step", "evaluate", "predict", "metrics", "initialize"}) {
      const auto done =
          RunPasses(model, StandardPasses(model), {.pass = {.entry = entry}, .verify_each = true});
      EXPECT_TRUE(done) << loss << " " << entry << ": " << done.error().ToString();
    }
    EXPECT_EQ(PrintText(*ParseText(PrintText(model), "again.descent")), PrintText(model));
  }
}

TEST(AttachTask, TheFirstOutputMayBeTheLoss) {
  const Model model = Attached(Network("mean(z)"), {.optimizer = "sgd"});
  EXPECT_EQ(model.updates[0].loss, "y");
  EXPECT_EQ(model.updates[0].optimizer, "sgd");
  EXPECT_EQ(ErrorOf(Network("neg(z)"), {}),
            "the first output, 'y', is f32[4, 2], not a loss: a floating-point scalar");
}

// The importer of ONNX writes next values as soon as it meets them, in front of the file's outputs.
TEST(AttachTask, NextValuesOfStatisticsAreNoOutputs) {
  const auto network = [](const char* end) {
    return *ParseText(fmt::format(R"(descent 1
model net {{
  input x: f32[4, 3]
  parameter scale: f32[3] = ones
  statistic seen: f32[3] = zeros -> moved
  moved = mean(x, axes=[0])
  s = mul(x, scale)
  y = {}
  output moved
  output y
  output s
}}
)",
                                  end),
                      "net.descent");
  };
  const Model held = Attached(network("mean(s)"), {.optimizer = "sgd"});
  EXPECT_EQ(held.updates[0].loss, "y");
  ASSERT_EQ(held.predictions.size(), 1U);
  EXPECT_EQ(held.predictions[0].name, "s");
  EXPECT_EQ(LossOf(Attached(network("softmax(s)"), {.loss = "cross_entropy"})),
            "cross_entropy(mul)");
}

TEST(AttachTask, RefusesWhatCannotBeTrained) {
  EXPECT_TRUE(Contains(ErrorOf(Network("neg(z)"), {.loss = "l1"}), "there is no loss 'l1'"));
  EXPECT_TRUE(Contains(ErrorOf(Network("sum(z, axes=[1])"), {.loss = "cross_entropy"}),
                       "needs an axis of classes"));
  EXPECT_TRUE(Contains(ErrorOf(Network("mean(z)"), {.loss = "mse"}), "a row for each of 4 rows"));
  EXPECT_TRUE(Contains(ErrorOf(Network("greater(z, 0.0)"), {.loss = "mse"}), "needs floats"));
  EXPECT_TRUE(Contains(ErrorOf(testing::TwoThreeOne(), {.loss = "mse"}), "has a task already"));
  Model frozen = Network("neg(z)");
  ASSERT_TRUE(ChooseTrained(frozen, {"*"}, {}));
  EXPECT_TRUE(Contains(ErrorOf(frozen, {.loss = "mse"}), "no trainable parameter"));
}

TEST(ChooseTrained, ByPatterns) {
  const auto trained = [](std::vector<std::string> freeze, std::vector<std::string> train) {
    Model model = Network("neg(z)");
    EXPECT_TRUE(ChooseTrained(model, freeze, train));
    std::string names;
    for (const Slot& slot : model.slots)
      if (slot.trainable) names += slot.name + " ";
    return names;
  };
  EXPECT_EQ(trained({}, {}), "body.W head.W head.b ");
  EXPECT_EQ(trained({"body.*"}, {}), "head.W head.b ");
  EXPECT_EQ(trained({}, {"head.*"}), "head.W head.b ");
  EXPECT_EQ(trained({"*.b"}, {"head.*"}), "head.W ");
  Model model = Network("neg(z)");
  EXPECT_EQ(ChooseTrained(model, {}, {"tail.*"}).error().message,
            "no parameter is called 'tail.*'");
}

TEST(ChooseTrained, FrozenPartsCostNoBackwardWork) {
  Model model = Network("neg(z)");
  ASSERT_TRUE(ChooseTrained(model, {}, {"head.b"}));
  model = Attached(model, {.loss = "mse"});
  const std::vector<std::string> passes = {"specialize(train_step)", "differentiate"};
  const auto backward = RunPasses(model, passes, {});
  ASSERT_TRUE(backward) << backward.error().ToString();
  EXPECT_EQ(backward->gradients, std::vector<std::string>{"grad.head.b"});
}

TEST(ChooseTrained, TheTrainedPartIsCounted) {
  Model model = Network("neg(z)");
  const auto counts = [](const Model& of) {
    const TrainedPart part = TrainedPartOf(of);
    return std::vector{part.parameters,       part.trained_parameters, part.elements,
                       part.trained_elements, part.operators,          part.differentiated};
  };
  EXPECT_EQ(counts(model), (std::vector<int64_t>{3, 3, 27, 27, 0, 0}));
  // h, s, z, the logits and the loss
  EXPECT_EQ(counts(Attached(model, {.loss = "mse"})), (std::vector<int64_t>{3, 3, 27, 27, 5, 5}));
  ASSERT_TRUE(ChooseTrained(model, {}, {"head.b"}));
  EXPECT_EQ(counts(Attached(model, {.loss = "mse"})), (std::vector<int64_t>{3, 1, 27, 2, 5, 3}));
}

TEST(Reinitialize, GivesTrainedParametersFreshValues) {
  Model model = Network("layer_norm(z, head.b)");
  model.slots[2].initializer = {.data = Tensor::Full({DType::kF32, {2}}, 3)};
  ASSERT_TRUE(ChooseTrained(model, {"body.*"}, {}));
  Reinitialize(model);
  EXPECT_EQ(model.slots[0].initializer.op, "glorot_uniform");  // frozen: as it was
  EXPECT_EQ(model.slots[1].initializer.op, "he_uniform");
  EXPECT_EQ(model.slots[2].initializer.op, "ones");  // a scale
}

}  // namespace
}  // namespace descent
