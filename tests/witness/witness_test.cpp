// Operators and optimizers against PyTorch: witness.txt, which witness.py wrote, holds what it
// computed in float64.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "compiler/graph/optimizers.h"
#include "compiler/graph/pipeline.h"
#include "ir/autodiff.h"
#include "ir/interpreter.h"
#include "ir/io/text_parser.h"
#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

/// Of the ten digits that are stored, one is for cancellation.
constexpr double kTolerance = 1e-9;

using Numbers = std::vector<double>;

/// One paragraph of the file: "call" or "train", then operands, results, gradients, parameters.
struct Paragraph {
  std::string call, train;
  std::vector<std::string> operands;
  std::vector<Numbers> results, gradients, parameters;
};

Numbers ReadNumbers(const std::string& text) {
  std::istringstream words(text);
  Numbers numbers;
  for (std::string word; words >> word;) numbers.push_back(std::stod(word));
  return numbers;
}

std::vector<Paragraph> ReadParagraphs() {
  std::ifstream file(DESCENT_SOURCE_DIR "/tests/witness/witness.txt");
  std::vector<Paragraph> paragraphs(1);
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) {
      paragraphs.emplace_back();
      continue;
    }
    Paragraph& paragraph = paragraphs.back();
    const size_t colon = line.find(':');
    const std::string key = line.substr(0, colon);
    const std::string rest = line.substr(std::min(colon + 2, line.size()));
    if (key == "call") paragraph.call = rest;
    if (key == "train") paragraph.train = rest;
    if (key == "x") paragraph.operands.push_back(rest);
    if (key == "y") paragraph.results.push_back(ReadNumbers(rest));
    if (key == "g") paragraph.gradients.push_back(ReadNumbers(rest));
    if (key == "w") paragraph.parameters.push_back(ReadNumbers(rest));
  }
  return paragraphs;
}

/// "f64[2, 3] 0.1 4" (a range), "i64[4] 5" (below 5), "i64[3] = 2 0 1" (stated).
struct Operand {
  std::string type;
  bool stated = false;
  Numbers numbers;

  explicit Operand(const std::string& text) {
    const size_t end = text.find(']') + 1;
    type = text.substr(0, end);
    std::string rest = text.substr(end);
    const size_t equals = rest.find('=');
    stated = equals != std::string::npos;
    numbers = ReadNumbers(stated ? rest.substr(equals + 1) : rest);
  }
};

class Case {
 public:
  explicit Case(const Paragraph& paragraph) : paragraph_(paragraph) {
    std::string text = "descent 1\nmodel witness {\n", results, outputs;
    for (size_t i = 0; i < paragraph.operands.size(); ++i) {
      operands_.emplace_back(paragraph.operands[i]);
      text += fmt::format("  input x{}: {}\n", i, operands_[i].type);
    }
    for (size_t i = 0; i < paragraph.results.size(); ++i) {
      results += fmt::format("{}y{}", i == 0 ? "" : ", ", i);
      outputs += fmt::format("  output y{}\n", i);
    }
    text += fmt::format("  {} = {}\n{}}}\n", results, paragraph.call, outputs);
    auto model = ParseText(text, "witness.txt");
    EXPECT_TRUE(model) << model.error().ToString();
    if (model) graph_ = model->graph;
  }

  void Check() {
    if (graph_.outputs().empty()) return;
    GraphBuilder b;
    std::vector<Value> inputs, wanted;
    for (const NamedValue& input : graph_.inputs()) {
      inputs.push_back(b.Input(input.name, graph_.type(input.value)));
      if (Info(b.dtype(inputs.back())).is_float) wanted.push_back(inputs.back());
    }
    const auto map = Inline(graph_, inputs, b);
    ASSERT_TRUE(map);
    std::vector<Cotangent> cotangents;
    for (const NamedValue& output : graph_.outputs()) {
      const Value value = (*map)[output.value.node][output.value.result];
      b.Output("", value);
      if (Info(b.dtype(value)).is_float) cotangents.push_back({value, Weights(b, b.type(value))});
    }
    if (!paragraph_.gradients.empty()) {
      const auto gradients = ReverseWalk(b, cotangents, wanted);
      ASSERT_TRUE(gradients) << gradients.error().message;
      for (const Value gradient : *gradients) b.Output("", gradient);
    }
    const Graph graph = std::move(b).Build();
    const auto run = Interpret(graph, Values(), kSampleValues, Precision::kExact);
    ASSERT_TRUE(run) << run.error().message;
    std::vector<Numbers> expected = paragraph_.results;
    std::ranges::copy(paragraph_.gradients, std::back_inserter(expected));
    ASSERT_EQ(run->outputs.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) Compare(run->outputs[i], expected[i], i);
  }

 private:
  /// The samples' generator, by what the case says of each operand.
  std::vector<Tensor> Values() const {
    std::vector<Tensor> values;
    for (size_t i = 0; i < operands_.size(); ++i) {
      OpSample sample;
      for (const NamedValue& input : graph_.inputs())
        sample.operands.push_back(graph_.type(input.value));
      const Numbers& numbers = operands_[i].numbers;
      sample.values.resize(i + 1);
      if (operands_[i].stated) sample.values[i] = numbers;
      if (numbers.size() == 2) sample.low = numbers[0], sample.high = numbers[1];
      if (numbers.size() == 1) sample.integers = static_cast<int64_t>(numbers[0]);
      values.push_back(SampleOperands(sample)[i]);
    }
    return values;
  }

  /// What arrives at a result.
  static Value Weights(GraphBuilder& b, const TensorType& type) {
    Numbers weights;
    for (int64_t i = 0; i < type.elements(); ++i)
      weights.push_back(0.7 * std::cos(1.3 * static_cast<double>(i) + 0.2));
    return b.Constant(Tensor::FromDoubles(type, weights));
  }

  void Compare(const Tensor& got, const Numbers& expected, size_t number) const {
    const std::string what = number < paragraph_.results.size()
                                 ? fmt::format("result {}", number)
                                 : fmt::format("gradient {}", number - paragraph_.results.size());
    ASSERT_EQ(got.elements(), static_cast<int64_t>(expected.size())) << what;
    for (int64_t i = 0; i < got.elements(); ++i) {
      const double want = expected[i];
      if (std::isnan(want) && std::isnan(got.GetDouble(i))) continue;
      if (want == got.GetDouble(i)) continue;
      EXPECT_NEAR(got.GetDouble(i), want, kTolerance * std::max(1.0, std::abs(want)))
          << what << " element " << i;
    }
  }

  const Paragraph& paragraph_;
  std::vector<Operand> operands_;
  Graph graph_;
};

TEST(Witness, PyTorchComputesTheSame) {
  int cases = 0;
  for (const Paragraph& paragraph : ReadParagraphs()) {
    if (paragraph.call.empty()) continue;
    SCOPED_TRACE(paragraph.call);
    Case(paragraph).Check();
    ++cases;
  }
  EXPECT_GT(cases, 70);
}

/// Parameters after each step of mean((x w - y)^2), as optimizer_reference.py has them, too.
std::vector<Numbers> Trajectory(const std::string& train, size_t steps) {
  const auto source = ParseText(fmt::format(R"(descent 1
model quadratic {{
  batch 4
  input x: f64[batch, 3] from features
  input y: f64[batch, 1] from label
  parameter w: f64[3, 1]
  z = matmul(x, w)
  loss = mse(z, y)
  train loss with {}
}}
)",
                                            train),
                                "witness.txt");
  EXPECT_TRUE(source) << source.error().ToString();
  const auto model = RunPasses(*source, StandardPasses(*source), {.pass = {.entry = "train_step"}});
  EXPECT_TRUE(model) << model.error().ToString();
  std::map<std::string, Tensor> values = {
      {"x",
       Tensor::FromDoubles(F64({4, 3}), Numbers{1, 2, -1, 0.5, -1.5, 2, -2, 0.25, 1, 3, 1, 0.5})},
      {"y", Tensor::FromDoubles(F64({4, 1}), Numbers{1, -2, 0.5, 3})},
      {"w", Tensor::FromDoubles(F64({3, 1}), Numbers{0.3, -0.2, 0.1})}};
  for (const Slot& slot : model->slots) values.emplace(slot.name, Tensor::Full(slot.type, 0));
  const double rate = HyperparametersOf(source->updates[0]).Float("learning_rate");
  std::vector<Numbers> path;
  for (size_t step = 0; step < steps; ++step) {
    std::vector<Tensor> inputs;
    for (const NamedValue& input : model->graph.inputs()) inputs.push_back(values.at(input.name));
    const auto run = Interpret(model->graph, inputs,
                               {.step = static_cast<int64_t>(step), .learning_rate = rate});
    EXPECT_TRUE(run) << run.error().message;
    for (size_t i = 0; i < run->outputs.size(); ++i)
      if (const std::string& name = model->graph.outputs()[i].name; name.starts_with("next."))
        values[name.substr(5)] = run->outputs[i];
    path.emplace_back();
    for (int64_t i = 0; i < 3; ++i) path.back().push_back(values["w"].GetDouble(i));
  }
  return path;
}

TEST(Witness, PyTorchTakesTheSameSteps) {
  std::string trained;
  for (const Paragraph& paragraph : ReadParagraphs()) {
    if (paragraph.train.empty()) continue;
    SCOPED_TRACE(paragraph.train);
    trained += " " + paragraph.train;
    ASSERT_EQ(paragraph.parameters.size(), 20u);
    const std::vector<Numbers> path = Trajectory(paragraph.train, paragraph.parameters.size());
    for (size_t step = 0; step < path.size(); ++step)
      for (size_t i = 0; i < 3; ++i)
        ASSERT_NEAR(path[step][i], paragraph.parameters[step][i], kTolerance)
            << "step " << step << " element " << i;
  }
  for (const Optimizer& optimizer : Optimizers())
    EXPECT_NE(trained.find(fmt::format(" {}(", optimizer.name)), std::string::npos)
        << optimizer.name;
}

}  // namespace
}  // namespace descent
