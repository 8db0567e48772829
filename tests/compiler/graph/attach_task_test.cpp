#include "compiler/graph/attach_task.h"

#include <gtest/gtest.h>

#include <cmath>

#include "compiler/graph/pipeline.h"
#include "compiler/graph/specialize.h"
#include "compiler/graph/trained_part.h"
#include "ir/interpreter.h"
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

/// The binary classifier of scikit-learn, by skl2onnx: p = sigmoid(z), y = [1 - p, p].
Model TwoClasses(const std::string& negative = "sub(1.0, p)", const std::string& z = "[3, 1]") {
  auto model = ParseText(fmt::format(R"(descent 1
model net {{
  input x: f32[4, 3]
  parameter W: f32{1} = glorot_uniform
  z = matmul(x, W)
  p = sigmoid(z)
  n = {0}
  y = concat(n, p, axis=1)
  class = argmax(y, axis=1)
  output class
  output y
}}
)",
                                     negative, z),
                         "net.descent");
  EXPECT_TRUE(model) << model.error().ToString();
  return *std::move(model);
}

TEST(AttachTask, TwoProbabilitiesOfOneLogitAreMerged) {
  const Model classes = Attached(TwoClasses(), {.loss = "cross_entropy"});
  EXPECT_EQ(LossOf(classes), "cross_entropy(pad)");
  EXPECT_EQ(ToString(classes.FindInput("target")->type), "i64[4]");
  for (const char* loss : {"bce", "bce_with_logits"}) {
    const Model number = Attached(TwoClasses(), {.loss = loss});
    EXPECT_EQ(LossOf(number), "bce_with_logits(matmul)");
    EXPECT_EQ(ToString(number.FindInput("target")->type), "f32[4, 1]");
    EXPECT_EQ(number.metrics[0].op, "binary_accuracy");
    EXPECT_EQ(number.metrics[0].operands[0], "probability");
    EXPECT_EQ(number.predictions[0].name, "y");
    EXPECT_EQ(number.predictions[0].kind, PredictionKind::kProbabilities);
  }
  EXPECT_EQ(classes.predictions[0].name, "y");
  EXPECT_EQ(classes.predictions[0].kind, PredictionKind::kProbabilities);
  EXPECT_EQ(classes.metrics[0].op, "accuracy");
}

/// The loss of both is the same function of z: the interpreter computes it of numbers.
TEST(AttachTask, TwoProbabilitiesHaveTheLossOfTheirLogit) {
  const auto loss_of = [](const char* loss, const Tensor& target) {
    auto entry = Specialize(Attached(TwoClasses(), {.loss = loss}), {.entry = "evaluate"});
    EXPECT_TRUE(entry) << entry.error().ToString();
    std::vector<Tensor> inputs;
    for (const NamedValue& input : entry->graph.inputs()) {
      const TensorType& type = entry->graph.type(input.value);
      const std::vector<double> x = {1, 2, 3, -1, 0, 40, 0, 0, 0, -2, 1, -300}, w = {1, -1, 0.5};
      inputs.push_back(
          input.name == "target" ? target : Tensor::FromDoubles(type, input.name == "x" ? x : w));
    }
    const auto run = Interpret(entry->graph, inputs, {.valid_rows = 4});
    EXPECT_TRUE(run) << run.error().ToString();
    return run->outputs[0].GetDouble(0);
  };
  const double classes = loss_of(
      "cross_entropy", Tensor::FromInts({DType::kI64, {4}}, std::vector<int64_t>{1, 0, 1, 1}));
  const double number =
      loss_of("bce", Tensor::FromDoubles({DType::kF32, {4, 1}}, std::vector<double>{1, 0, 1, 1}));
  // z = 0.5, 19, 0, -153: of the last one p rounds to 0
  const double expected =
      (std::log1p(std::exp(-0.5)) + 19 + std::log(2.0) + 153 + std::exp(-19.0)) / 4;
  EXPECT_NEAR(classes, expected, 1e-5);
  EXPECT_NEAR(number, expected, 1e-5);
}

TEST(AttachTask, OtherPairsOfProbabilitiesAreNoTwoClasses) {
  EXPECT_EQ(LossOf(Attached(TwoClasses("sub(2.0, p)"), {.loss = "cross_entropy"})),
            "cross_entropy(concat)");
  EXPECT_EQ(LossOf(Attached(TwoClasses("neg(p)"), {.loss = "bce"})), "bce(concat)");
  EXPECT_EQ(LossOf(Attached(TwoClasses("sub(1.0, p)", "[3, 2]"), {.loss = "bce"})), "bce(concat)");
  EXPECT_EQ(LossOf(Attached(TwoClasses(), {.loss = "mse"})), "mse(concat)");
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

/// A network x -> y of these statements behind its input.
Model Layers(const std::string& input, const std::string& statements) {
  auto model = ParseText(fmt::format("descent 1\nmodel net {{\n  input x: {}\n{}\n  output y\n}}\n",
                                     input, statements),
                         "net.descent");
  EXPECT_TRUE(model) << model.error().ToString();
  return model ? *std::move(model) : Model{};
}

/// "i64[4, 9]: cross_entropy(conv1d)", target and loss, and that every entry point compiles.
std::string ClassesOf(const Model& source, Task task = {.loss = "cross_entropy"}) {
  const auto model = AttachTask(source, task);
  if (!model) return model.error().message;
  for (const char* entry : {"train_step", "evaluate", "predict", "metrics"}) {
    const auto done =
        RunPasses(*model, StandardPasses(*model), {.pass = {.entry = entry}, .verify_each = true});
    EXPECT_TRUE(done) << entry << ": " << done.error().ToString();
  }
  EXPECT_EQ(model->metrics.size(), 1U);
  return fmt::format("{}: {}", ToString(model->FindInput("target")->type), LossOf(*model));
}

/// As many classes as steps: nothing but the layers tells them apart.
TEST(AttachTask, TheLastLayerTellsTheAxisOfClasses) {
  const std::string kernel = "  parameter K: f32[5, 3, 1] = glorot_uniform\n  z = conv1d(x, K)\n";
  EXPECT_EQ(ClassesOf(Layers("f32[4, 3, 6]", kernel + "  y = relu(z)")),
            "i64[4, 6]: cross_entropy(relu)");
  EXPECT_EQ(ClassesOf(Layers("f32[4, 6, 3]",
                             "  parameter W: f32[3, 5] = glorot_uniform\n"
                             "  y = matmul(x, W)")),
            "i64[4, 6]: cross_entropy(matmul)");
  EXPECT_EQ(ClassesOf(Layers("f32[4, 3, 6, 7]",
                             "  parameter K: f32[5, 3, 1, 1] = glorot_uniform\n"
                             "  y = conv2d(x, K)")),
            "i64[4, 6, 7]: cross_entropy(conv2d)");
  EXPECT_EQ(ClassesOf(Layers("f32[4, 3, 6, 7, 2]",
                             "  parameter K: f32[5, 3, 1, 1, 1] = glorot_uniform\n"
                             "  y = conv3d(x, K)")),
            "i64[4, 6, 7, 2]: cross_entropy(conv3d)");
}

TEST(AttachTask, ASoftmaxTellsTheAxisOfClasses) {
  const std::string by_one = "  parameter b: f32[5, 6] = ones\n  z = mul(x, b)\n";
  EXPECT_EQ(ClassesOf(Layers("f32[4, 5, 6]", by_one + "  y = softmax(z, axis=1)")),
            "i64[4, 6]: cross_entropy(mul)");
  EXPECT_EQ(ClassesOf(Layers("f32[4, 5, 6]", by_one + "  y = softmax(z, axis=-1)")),
            "i64[4, 5]: cross_entropy(mul)");
  EXPECT_EQ(
      ClassesOf(Layers("f32[4, 5, 6]", by_one + "  y = log_softmax(z, axis=1)"), {.loss = "nll"}),
      "i64[4, 6]: cross_entropy(mul)");
  // Before operator set 13 an exporter turns the axis to the end and back: so do the logits.
  EXPECT_EQ(ClassesOf(Layers("f32[4, 5, 6]", by_one + "  t = transpose(z, permutation=[0, 2, 1])\n"
                                                      "  s = softmax(t)\n"
                                                      "  y = transpose(s, permutation=[0, 2, 1])")),
            "i64[4, 6]: cross_entropy(transpose)");
}

TEST(AttachTask, WhatTellsNoAxisOfClassesIsAsked) {
  const Model model = Layers("f32[4, 5, 6]", "  parameter b: f32[5, 6] = ones\n  y = mul(x, b)");
  EXPECT_TRUE(Contains(ClassesOf(model), "which axis of the first output, 'y', holds the classes"));
  EXPECT_EQ(ClassesOf(model, {.loss = "cross_entropy", .class_axis = 1}),
            "i64[4, 6]: cross_entropy(mul)");
  EXPECT_EQ(ClassesOf(model, {.loss = "cross_entropy", .class_axis = -1}),
            "i64[4, 5]: cross_entropy(mul)");
  for (const int64_t axis : {0, 3, -3, -4}) {
    const auto refused = AttachTask(model, {.loss = "nll", .class_axis = axis});
    ASSERT_FALSE(refused) << axis;
    EXPECT_EQ(refused.error().status, ExitStatus::kUsage);
    EXPECT_TRUE(Contains(refused.error().message, "axes 1 to 2")) << refused.error().message;
  }
}

/// The share of right ones, of two rows of three classes in two places.
TEST(AttachTask, AccuracyComparesAlongTheAxisOfClasses) {
  const Model model =
      Attached(Layers("f32[2, 3, 2]", "  parameter K: f32[3, 3, 1] = ones\n  y = conv1d(x, K)"),
               {.loss = "cross_entropy"});
  auto entry = Specialize(model, {.entry = "evaluate"});
  ASSERT_TRUE(entry) << entry.error().ToString();
  std::vector<Tensor> inputs;
  for (const NamedValue& input : entry->graph.inputs()) {
    const TensorType& type = entry->graph.type(input.value);
    const std::vector<double> identity = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    const std::vector<double> x = {5, 0, 0, 0, 0, 5, 0, 0, 5, 5, 0, 0};  // 0 2, 1 1
    inputs.push_back(input.name == "target"
                         ? Tensor::FromInts(type, std::vector<int64_t>{0, 2, 1, 0})
                         : Tensor::FromDoubles(type, input.name == "x" ? x : identity));
  }
  const auto run = Interpret(entry->graph, inputs, {.valid_rows = 2});
  ASSERT_TRUE(run) << run.error().ToString();
  const NamedValue* sums = entry->graph.FindOutput("metric.accuracy");
  ASSERT_NE(sums, nullptr);
  const auto place = static_cast<size_t>(sums - entry->graph.outputs().data());
  EXPECT_EQ(run->outputs[place].GetDouble(0), 3);
  EXPECT_EQ(run->outputs[place].GetDouble(1), 4);
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

TEST(AttachTask, TwoClassesCompileAtEveryEntryPointAndBatch) {
  for (const char* loss : {"cross_entropy", "bce"}) {
    const Model model = Attached(TwoClasses(), {.loss = loss});
    for (const char* entry : {"train_step", "evaluate", "predict", "metrics", "initialize"})
      for (const int64_t batch : {1, 4, 7}) {
        const auto done =
            RunPasses(model, StandardPasses(model),
                      {.pass = {.entry = entry, .batch = batch, .evaluate_batch = batch},
                       .verify_each = true});
        EXPECT_TRUE(done) << loss << " " << entry << ": " << done.error().ToString();
      }
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

/// Buffers of PyTorch are not trained, unless they are named.
TEST(ChooseTrained, AFullNameTrainsWhatTheModelDoesNot) {
  const auto is_trained = [](const std::string& pattern) {
    Model model = Network("neg(z)");
    model.slots[2].trainable = false;
    EXPECT_TRUE(ChooseTrained(model, {}, {"body.*", pattern}));
    return model.slots[2].trainable;
  };
  EXPECT_TRUE(is_trained("head.b"));
  EXPECT_FALSE(is_trained("head.*"));
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

TEST(Reinitialize, KeepsScalars) {
  Model model = Layers("f32[4, 3]", "  parameter t: f32[] = ones\n  y = mul(x, t)");
  model.slots[0].initializer = {.data = Tensor::Scalar(DType::kF32, 3)};
  Reinitialize(model);
  EXPECT_EQ(model.slots[0].initializer.data->GetDouble(0), 3);
}

/// A matrix that is read as [out, in] has its second extent of inputs, as PyTorch's have.
TEST(Reinitialize, CountsTheInputsOfTransposedMatrices) {
  auto model = ParseText(R"(descent 1
model m {
  input x: f32[2, 600]
  parameter W: f32[4, 600] = zeros
  parameter V: f32[4, 3] = zeros
  y = matmul(x, W, transpose_b=true)
  z = matmul(y, V)
  output z
}
)",
                         "m.descent");
  ASSERT_TRUE(model) << model.error().ToString();
  Reinitialize(*model);
  const Initializer& transposed = model->slots[0].initializer;
  EXPECT_EQ(transposed.op, "random_uniform");
  EXPECT_NEAR(transposed.attributes.Float("high"), std::sqrt(6.0 / 600), 1e-12);
  EXPECT_EQ(transposed.attributes.Float("low"), -transposed.attributes.Float("high"));
  EXPECT_EQ(model->slots[1].initializer.op, "he_uniform");
}

}  // namespace
}  // namespace descent
