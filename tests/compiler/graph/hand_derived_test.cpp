// Backpropagation by hand: sigmoid 2-3-1 without biases, binary cross entropy.
//
//   dL/dW2_j  = (yhat - y) A1_j              dL/dW1_ij = (yhat - y) W2_j A1_j (1 - A1_j) X_i
//
// as a mean over the rows of the batch. What the compiler derives and simplifies must be these very
// nodes.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "compiler/graph/pipeline.h"
#include "compiler/graph/transcribe.h"
#include "ir/interpreter.h"
#include "ir/io/text_parser.h"

namespace descent {
namespace {

std::string NoBias(std::string_view dtype, int batch) {
  return fmt::format(R"(descent 1
model no_bias {{
  batch {1}
  input x: {0}[batch, 2] from features
  input y: {0}[batch, 1] from label
  parameter W1: {0}[2, 3] = glorot_uniform
  parameter W2: {0}[3, 1] = glorot_uniform
  z1 = matmul(x, W1)
  a1 = sigmoid(z1)
  z2 = matmul(a1, W2)
  yhat = sigmoid(z2)
  loss = bce(yhat, y)
  predict yhat as probability
  train loss with sgd(learning_rate=0.5)
}}
)",
                     dtype, batch);
}

constexpr std::string_view kByHand = R"(descent 1
model by_hand {
  entry train_step
  batch 10
  input x: f32[batch, 2]
  input y: f32[batch, 1]
  parameter W1: f32[2, 3]
  parameter W2: f32[3, 1]
  # forward
  z1 = matmul(x, W1)
  a1 = sigmoid(z1)
  z2 = matmul(a1, W2)
  yhat = sigmoid(z2)
  # dL/dz2 = (yhat - y) / N
  error = sub(yhat, y)
  dz2 = mul(error, 0.1)
  # dL/dW2 = A1^T dL/dz2
  dW2 = matmul(a1, dz2, transpose_a=true)
  # dL/dA1 = dL/dz2 W2^T
  da1 = matmul(dz2, W2, transpose_b=true)
  # dA1/dz1 = A1 (1 - A1)
  rest = sub(1.0, a1)
  slope = mul(a1, rest)
  dz1 = mul(da1, slope)
  # dL/dW1 = X^T dL/dz1
  dW1 = matmul(x, dz1, transpose_a=true)
  output grad.W1 = dW1
  output grad.W2 = dW2
}
)";

Model Parse(const std::string& text) {
  auto model = ParseText(text, "hand_derived");
  EXPECT_TRUE(model.has_value()) << model.error().ToString() << text;
  return model ? *std::move(model) : Model{};
}

/// The part of a graph that gives the gradients.
Graph Gradients(const Graph& graph) {
  GraphBuilder b;
  ValueMap map = CopyInputs(graph, b);
  std::vector<NamedValue> gradients;
  std::vector<Value> wanted;
  for (const std::string_view name : {"grad.W1", "grad.W2"}) {
    const NamedValue* output = graph.FindOutput(name);
    if (output == nullptr) continue;
    gradients.push_back(*output);
    wanted.push_back(output->value);
  }
  const auto copy = [](GraphBuilder&, const Node&,
                       std::span<const Value>) -> Result<std::optional<std::vector<Value>>> {
    return std::nullopt;
  };
  EXPECT_TRUE(Transcribe(graph, wanted, copy, map, b).has_value());
  for (const NamedValue& gradient : gradients) b.Output(gradient.name, map.At(gradient.value));
  return std::move(b).Build();
}

Graph ByCompiler() {
  const Model source = Parse(NoBias("f32", 10));
  const auto model = RunPasses(source, StandardPasses(source, "differentiated"),
                               {.pass = {.entry = "train_step"}});
  EXPECT_TRUE(model.has_value()) << model.error().ToString();
  return Gradients(model->graph);
}

TEST(HandDerived, GradientsAreTheCompilersNodes) {
  EXPECT_TRUE(SameGraph(Gradients(Parse(std::string(kByHand)).graph), ByCompiler()));
}

/// One factor or term of the derivation left out.
struct Slip {
  std::string_view written, instead;
};

TEST(HandDerived, AnyFactorLeftOutIsSeen) {
  constexpr Slip kSlips[] = {
      {"error = sub(yhat, y)", "error = yhat"},
      {"dz2 = mul(error, 0.1)", "dz2 = error"},
      {"dW2 = matmul(a1, dz2, transpose_a=true)", "dW2 = sum(dz2, axes=[0])"},
      {"dW2 = matmul(a1, dz2, transpose_a=true)", "dW2 = sum(a1, axes=[0])"},
      {"da1 = matmul(dz2, W2, transpose_b=true)", "da1 = expand(dz2, shape=[10, 3])"},
      {"da1 = matmul(dz2, W2, transpose_b=true)", "da1 = reshape(W2, shape=[1, 3])"},
      {"slope = mul(a1, rest)", "slope = rest"},
      {"slope = mul(a1, rest)", "slope = a1"},
      {"dz1 = mul(da1, slope)", "dz1 = slope"},
      {"dz1 = mul(da1, slope)", "dz1 = da1"},
      {"dW1 = matmul(x, dz1, transpose_a=true)", "dW1 = sum(dz1, axes=[0])"},
      {"dW1 = matmul(x, dz1, transpose_a=true)", "dW1 = sum(x, axes=[0])"},
  };
  const Graph compiled = ByCompiler();
  for (const Slip& slip : kSlips) {
    std::string text(kByHand);
    const size_t place = text.find(slip.written);
    ASSERT_NE(place, std::string::npos) << slip.written;
    // A bare name is no statement: the name is replaced where it is used.
    const size_t equals = slip.instead.find(" = ");
    const std::string name(slip.instead.substr(0, equals)), value(slip.instead.substr(equals + 3));
    if (value.contains('(')) {
      text.replace(place, slip.written.size(), slip.instead);
    } else {
      text.erase(place, slip.written.size());
      for (const std::string_view before : {"(", ", ", "= "})
        for (const std::string_view after : {",", ")", "\n"}) {
          const std::string from = fmt::format("{}{}{}", before, name, after);
          const std::string to = fmt::format("{}{}{}", before, value, after);
          for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + 1))
            text.replace(at, from.size(), to);
        }
    }
    EXPECT_FALSE(SameGraph(Gradients(Parse(text).graph), compiled)) << slip.instead;
  }
}

// ---- the worked sample -------------------------------------------------------------------------

using Values = std::vector<double>;

/// X = (1, 2), y = 1: every named value of the passes `passes` made, in f64.
std::map<std::string, Values> WorkedSample(const std::vector<std::string>& passes, const Values& w1,
                                           const Values& w2) {
  const Model source = Parse(NoBias("f64", 1));
  const auto model = RunPasses(source, passes, {.pass = {.entry = "train_step"}});
  EXPECT_TRUE(model.has_value()) << model.error().ToString();
  std::vector<Tensor> inputs;
  const std::map<std::string, Values> given = {{"x", {1, 2}}, {"y", {1}}, {"W1", w1}, {"W2", w2}};
  for (const NamedValue& input : model->graph.inputs())
    inputs.push_back(Tensor::FromDoubles(model->graph.type(input.value), given.at(input.name)));
  std::map<std::string, Values> values;
  const auto keep = [&](const std::string& name, const Tensor& tensor) {
    values[name].clear();
    for (int64_t i = 0; i < tensor.elements(); ++i) values[name].push_back(tensor.GetDouble(i));
  };
  const auto run = Interpret(
      model->graph, inputs, {.learning_rate = 0.5}, Precision::kTyped,
      [&](std::string_view name, const Tensor& tensor) { keep(std::string(name), tensor); });
  EXPECT_TRUE(run.has_value()) << run.error().message;
  for (size_t i = 0; i < run->outputs.size(); ++i)
    keep(model->graph.outputs()[i].name, run->outputs[i]);
  return values;
}

void ExpectValues(const std::map<std::string, Values>& values, const std::string& name,
                  const Values& expected) {
  ASSERT_TRUE(values.contains(name)) << name;
  ASSERT_EQ(values.at(name).size(), expected.size()) << name;
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(values.at(name)[i], expected[i], 6e-7) << name << " " << i;
}

const Values kW1 = {.1, -.2, .3, .4, .5, -.6};
const Values kW2 = {.7, -.8, .9};

TEST(WorkedSample, ForwardAndBackwardValues) {
  const std::vector<std::string> unsimplified = {"specialize", "differentiate"};
  const std::vector<std::string> simplified =
      StandardPasses(Parse(NoBias("f64", 1)), "differentiated");
  for (const auto& passes : {unsimplified, simplified}) {
    const auto values = WorkedSample(passes, kW1, kW2);
    ExpectValues(values, "z1", {.9, .8, -.9});
    ExpectValues(values, "a1", {.710950, .689974, .289050});
    ExpectValues(values, "z2", {.205831});
    ExpectValues(values, "loss", {.595518});
    ExpectValues(values, "grad.W2", {-.319020, -.309608, -.129704});
    ExpectValues(values, "grad.W1", {-.064549, .076789, -.082991, -.129098, .153578, -.165983});
  }
  ExpectValues(WorkedSample(unsimplified, kW1, kW2), "yhat", {.551277});
}

TEST(WorkedSample, OneStepOfRateOneHalf) {
  const std::vector<std::string> passes = StandardPasses(Parse(NoBias("f64", 1)));
  const auto first = WorkedSample(passes, kW1, kW2);
  EXPECT_NEAR(first.at("next.W1")[1], -.238395, 6e-7);
  const auto second = WorkedSample(passes, first.at("next.W1"), first.at("next.W2"));
  EXPECT_NEAR(second.at("loss")[0], .458218, 6e-7);
}

}  // namespace
}  // namespace descent
