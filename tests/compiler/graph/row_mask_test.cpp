// A partial batch: rows past valid_rows hold anything, NaN included, and change nothing.
#include "compiler/graph/row_mask.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "compiler/graph/pipeline.h"
#include "ir/interpreter.h"
#include "ir/io/text_parser.h"
#include "tests/compiler/graph/sample_models.h"

namespace descent {
namespace {

using ::descent::testing::Contains;

constexpr std::string_view kModel = R"(descent 1
model partial {{
  batch {}
  keep_partial_batch
  input x: f64[batch, 2] from features
  input y: f64[batch, 1] from label
  parameter W1: f64[2, 3]
  parameter W2: f64[3, 1]
  z1 = matmul(x, W1)
  a1 = sigmoid(z1)
  z2 = matmul(a1, W2)
  yhat = sigmoid(z2)
  loss = bce(yhat, y)
  predict yhat as probability
  metric accuracy = binary_accuracy(yhat, y)
  metric error = mean_absolute_error(yhat, y)
  train loss with sgd(learning_rate=0.5)
}}
)";

/// Rows of data; what a batch has beyond them is `padding`.
std::vector<Tensor> Inputs(const Graph& graph, int64_t batch, double padding) {
  const std::vector<double> x = {1, 2, -1, 0.5, 0.3, -2}, y = {1, 0, 1};
  const std::vector<double> w1 = {.1, -.2, .3, .4, .5, -.6}, w2 = {.7, -.8, .9};
  const auto padded = [&](std::vector<double> values, int64_t columns) {
    values.resize(batch * columns, padding);
    return Tensor::FromDoubles({DType::kF64, {batch, columns}}, values);
  };
  std::vector<Tensor> inputs;
  for (const NamedValue& input : graph.inputs()) {
    if (input.name == "x") inputs.push_back(padded(x, 2));
    if (input.name == "y") inputs.push_back(padded(y, 1));
    if (input.name == "W1") inputs.push_back(Tensor::FromDoubles({DType::kF64, {2, 3}}, w1));
    if (input.name == "W2") inputs.push_back(Tensor::FromDoubles({DType::kF64, {3, 1}}, w2));
  }
  return inputs;
}

std::map<std::string, std::vector<double>> RunEntry(const std::string& entry, int64_t batch,
                                                    double padding) {
  const auto source = ParseText(fmt::format(kModel, batch), "partial");
  EXPECT_TRUE(source.has_value()) << source.error().ToString();
  const auto model = RunPasses(*source, StandardPasses(*source), {.pass = {.entry = entry}});
  EXPECT_TRUE(model.has_value()) << model.error().ToString();
  const auto run = Interpret(model->graph, Inputs(model->graph, batch, padding),
                             {.valid_rows = 3, .learning_rate = 0.5});
  EXPECT_TRUE(run.has_value()) << run.error().message;
  std::map<std::string, std::vector<double>> outputs;
  for (size_t i = 0; i < run->outputs.size(); ++i)
    for (int64_t j = 0; j < run->outputs[i].elements(); ++j)
      outputs[model->graph.outputs()[i].name].push_back(run->outputs[i].GetDouble(j));
  return outputs;
}

class PartialBatch : public ::testing::TestWithParam<double> {};

TEST_P(PartialBatch, TrainsAsABatchOfItsValidRows) {
  const auto whole = RunEntry("train_step", 3, 0), partial = RunEntry("train_step", 7, GetParam());
  ASSERT_EQ(whole.size(), partial.size());
  for (const auto& [name, values] : whole)
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(partial.at(name)[i], values[i], 1e-14) << name;
}

TEST_P(PartialBatch, EvaluatesItsValidRowsOnly) {
  const auto whole = RunEntry("evaluate", 3, 0), partial = RunEntry("evaluate", 7, GetParam());
  ASSERT_EQ(whole.size(), 4u);
  for (const auto& [name, values] : whole)
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(partial.at(name)[i], values[i], 1e-14) << name;
  EXPECT_EQ(partial.at("metric.loss")[1], 3);
}

INSTANTIATE_TEST_SUITE_P(Padding, PartialBatch,
                         ::testing::Values(0.0, 1e300, std::nan(""),
                                           std::numeric_limits<double>::infinity()));

TEST(RowMask, MeansDivideByTheValidRows) {
  // Three rows of seven: each term once, by hand.
  const auto outputs = RunEntry("evaluate", 7, std::nan(""));
  double sum = 0;
  for (const auto [x1, x2, y] : {std::array{1.0, 2.0, 1.0}, {-1.0, 0.5, 0.0}, {0.3, -2.0, 1.0}}) {
    const auto sigmoid = [](double z) { return 1 / (1 + std::exp(-z)); };
    const double z = .7 * sigmoid(.1 * x1 + .4 * x2) - .8 * sigmoid(-.2 * x1 + .5 * x2) +
                     .9 * sigmoid(.3 * x1 - .6 * x2);
    sum -= y * std::log(sigmoid(z)) + (1 - y) * std::log(1 - sigmoid(z));
  }
  EXPECT_NEAR(outputs.at("loss")[0], sum / 3, 1e-14);
}

/// As PyTorch's attention has it: positions first, heads beside the batch, then rows of all
/// positions; the loss is one of those rows.
constexpr std::string_view kMerged = R"(descent 1
model merged {{
  batch {0}
  keep_partial_batch
  input x: f64[batch, 3, 4] from features
  input y: i64[batch, 3] from label
  parameter W: f64[4, 4]
  first = transpose(x, permutation=[1, 0, 2])
  heads = reshape(first, shape=[3, {1}, 2])
  by_head = transpose(heads, permutation=[1, 0, 2])
  weights = softmax(by_head, axis=1)
  back = transpose(weights, permutation=[1, 0, 2])
  tokens = reshape(back, shape=[{2}, 4])
  projected = matmul(tokens, W)
  again = reshape(projected, shape=[3, {0}, 4])
  rows = transpose(again, permutation=[1, 0, 2])
  logits = reshape(rows, shape=[{2}, 4])
  labels = reshape(y, shape=[{2}])
  fit = cross_entropy(logits, labels)
  spread = var(logits, axes=[0, 1])
  size = mean(tokens)
  some = add(fit, spread)
  by_row = expand_rows(W, x, shape=[-1, 4, 4])
  weight = sum(by_row)
  more = add(some, size)
  loss = add(more, weight)
  train loss with sgd(learning_rate=0.5)
}}
)";

TEST(RowMask, RowsMayStandAmongOtherAxes) {
  const auto run = [](const std::string& entry, int64_t batch) {
    const auto source =
        ParseText(fmt::format(kMerged, batch, 2 * batch, 3 * batch), "merged.descent");
    EXPECT_TRUE(source.has_value()) << source.error().ToString();
    const auto model = RunPasses(*source, StandardPasses(*source), {.pass = {.entry = entry}});
    EXPECT_TRUE(model.has_value()) << model.error().ToString();
    std::vector<Tensor> inputs;
    for (const NamedValue& input : model->graph.inputs()) {
      const TensorType& type = model->graph.type(input.value);
      const int64_t valid = input.name == "W" ? 16 : input.name == "x" ? 2 * 12 : 2 * 3;
      std::vector<double> values(Elements(type.shape), input.name == "x" ? std::nan("") : 1);
      for (int64_t i = 0; i < valid; ++i)
        values[i] = input.name == "y" ? static_cast<double>(i % 4) : std::sin(3.0 * i);
      inputs.push_back(Tensor::FromDoubles(type, values));
    }
    const auto done = Interpret(model->graph, inputs, {.valid_rows = 2, .learning_rate = 0.5});
    EXPECT_TRUE(done.has_value()) << done.error().message;
    std::vector<double> outputs;
    for (const Tensor& output : done->outputs)
      for (int64_t j = 0; j < output.elements(); ++j) outputs.push_back(output.GetDouble(j));
    return outputs;
  };
  for (const char* entry : {"train_step", "evaluate"}) {
    const auto whole = run(entry, 2), partial = run(entry, 5);
    ASSERT_EQ(whole.size(), partial.size());
    for (size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(partial[i], whole[i], 1e-14) << entry;
  }
}

Diagnostic ErrorOf(const std::string& entry, const std::string& node) {
  const auto source = ParseText(fmt::format(R"(descent 1
model mixing {{
  batch 4
  keep_partial_batch
  input x: f32[batch, 4] from features
  input y: f32[batch, 4] from label
  parameter W: f32[4, 4]
  z = matmul(x, W)
  h = {}
  loss = mse(h, y)
  predict h
  train loss with sgd
}}
)",
                                            node),
                                "mixing.descent");
  EXPECT_TRUE(source.has_value()) << source.error().ToString();
  const std::string passes[] = {"specialize"};
  const auto result = RunPasses(*source, passes, {.pass = {.entry = entry}});
  EXPECT_FALSE(result.has_value());
  return result ? Diagnostic{} : result.error();
}

TEST(RowMask, NamesTheNodeThatMixesRows) {
  const std::string error = ErrorOf("predict", "flip(z, axes=[0])").ToString();
  EXPECT_TRUE(Contains(error, "predict: flip of 'h' mixes rows of the batch")) << error;
  EXPECT_TRUE(Contains(error, "give predict a batch of 1")) << error;
  EXPECT_TRUE(Contains(error, "mixing.descent:9")) << error;
  const std::string softmax = ErrorOf("train_step", "softmax(z, axis=0)").ToString();
  EXPECT_TRUE(Contains(softmax, "softmax (in its max) of 'h'")) << softmax;
  EXPECT_TRUE(Contains(softmax, "drop keep_partial_batch")) << softmax;
  const std::string turned = ErrorOf("train_step", "transpose(z, permutation=[1, 0])").ToString();
  EXPECT_TRUE(Contains(turned, "mse (in its sub) of 'loss' mixes rows of the batch")) << turned;
}

}  // namespace
}  // namespace descent
