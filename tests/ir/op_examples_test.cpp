// The examples of the reference: each is evaluated and gives what it says.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "ir/interpreter.h"
#include "ir/io/model_file.h"
#include "ir/op_def.h"

namespace descent {
namespace {

/// What lies outside of brackets and quotation marks, character by character.
class Outside {
 public:
  /// Whether `c`, the next character, is outside: closing brackets are, opening ones are not.
  bool Next(char c) {
    if (c == '"') quoted_ = !quoted_;
    if (!quoted_) depth_ += (c == '[' || c == '(' || c == '{') - (c == ']' || c == ')' || c == '}');
    return depth_ == 0 && !quoted_;
  }

 private:
  int depth_ = 0;
  bool quoted_ = false;
};

/// The parts of `text` between commas outside of brackets, without blanks around them.
std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> parts(1);
  Outside outside;
  for (const char c : text) {
    if (outside.Next(c) && c == ',') {
      parts.emplace_back();
    } else if (c != ' ' || !parts.back().empty()) {
      parts.back() += c;
    }
  }
  for (std::string& part : parts)
    while (part.ends_with(' ')) part.pop_back();
  return parts;
}

/// Elements in row-major order as they are written, and the extents of a nested list.
struct Literal {
  Shape shape;
  std::vector<std::string> numbers;
};

Literal ParseLiteral(const std::string& text) {
  if (!text.starts_with('[')) return {{}, {text}};
  Literal list;
  const std::string_view inner = std::string_view(text).substr(1, text.size() - 2);
  if (inner.empty()) return {{0}, {}};
  const std::vector<std::string> parts = SplitList(inner);
  for (const std::string& part : parts) {
    const Literal row = ParseLiteral(part);
    list.shape = row.shape;
    list.numbers.insert(list.numbers.end(), row.numbers.begin(), row.numbers.end());
  }
  list.shape.insert(list.shape.begin(), static_cast<int64_t>(parts.size()));
  return list;
}

struct Example {
  std::string call;                   ///< "cumsum"
  std::vector<std::string> operands;  ///< "[1, 2]", "i64 [0, 1]"
  std::vector<std::string> attributes;
  std::string bodies;  ///< " body(x: f32) {...}"
  std::vector<std::string> results;
  std::vector<std::string> shown;  ///< what is shown of a metric's sums
};

Example ParseExample(std::string_view text) {
  const size_t open = text.find('('), equal = text.rfind(" = ");
  EXPECT_LT(open, equal) << text;
  Outside outside;
  size_t close = open;
  while (!outside.Next(text[close]) && close < equal) ++close;
  Example example{.call = std::string(text.substr(0, open)),
                  .bodies = std::string(text.substr(close + 1, equal - close - 1))};
  for (const std::string& part : SplitList(text.substr(open + 1, close - open - 1))) {
    const size_t assign = part.find('=');
    const bool is_attribute = assign != std::string::npos && part.find('[') > assign;
    if (!part.empty()) (is_attribute ? example.attributes : example.operands).push_back(part);
  }
  const std::string_view results = text.substr(equal + 3);
  const size_t arrow = results.find(" -> ");
  example.results = SplitList(results.substr(0, arrow));
  if (arrow != std::string_view::npos) example.shown = SplitList(results.substr(arrow + 4));
  return example;
}

/// The example as a model without a loss.
std::string ModelText(const Example& example) {
  std::string text = "descent 1\nmodel example {\n", arguments, results, outputs;
  const auto append = [](std::string& list, const std::string& item) {
    list += (list.empty() ? "" : ", ") + item;
  };
  for (const std::string& operand : example.operands) {
    const size_t blank = operand.find(' ');
    const bool typed = blank != std::string::npos && ParseDType(operand.substr(0, blank));
    const std::string literal = typed ? operand.substr(blank + 1) : operand;
    const std::string name = fmt::format("x{}", &operand - example.operands.data());
    text += fmt::format("  {}: {}{} = {}\n", name, typed ? operand.substr(0, blank) : "f32",
                        ToString(ParseLiteral(literal).shape), literal);
    append(arguments, name);
  }
  for (const std::string& attribute : example.attributes) append(arguments, attribute);
  for (size_t i = 0; i < example.results.size(); ++i) {
    append(results, fmt::format("y{}", i));
    outputs += fmt::format("  output y{}\n", i);
  }
  return text + fmt::format("  {} = {}({}){}\n{}}}\n", results, example.call, arguments,
                            example.bodies, outputs);
}

/// Half a unit in the last place that is written.
double Tolerance(const std::string& number) {
  const size_t point = number.find('.');
  const auto places = point == std::string::npos ? 0 : number.size() - point - 1;
  return 0.5 * std::pow(10.0, -static_cast<double>(places)) * (1 + 1e-6);
}

double Number(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  return std::strtod(text.c_str(), nullptr);
}

void ExpectResult(const Tensor& got, const std::string& written) {
  const Literal expected = ParseLiteral(written);
  ASSERT_EQ(got.shape(), expected.shape);
  for (int64_t i = 0; i < got.elements(); ++i) {
    const std::string& number = expected.numbers[i];
    const double want = Number(number);
    if (std::isfinite(want)) {
      EXPECT_NEAR(got.GetDouble(i), want, Tolerance(number)) << "element " << i;
    } else {
      EXPECT_EQ(fmt::format("{}", got.GetDouble(i)), fmt::format("{}", want)) << "element " << i;
    }
  }
}

void ExpectResults(std::span<const Tensor> got, std::span<const std::string> written) {
  for (size_t i = 0; i < written.size(); ++i)
    if (written[i] != "_") ExpectResult(got[i], written[i]);
}

constexpr RunValues kValues = {.seed = 1, .step = 0, .valid_rows = 4, .learning_rate = 0.1};

/// Results of `op` applied to `sums`: what is shown of a metric.
std::vector<Tensor> Finished(const Graph& graph, const Tensor& sums) {
  const Node& node = graph.node(graph.outputs()[0].value);
  std::vector<TensorType> operands;
  for (const Value operand : node.operands) operands.push_back(graph.type(operand));
  GraphBuilder b;
  for (const Value value : node.op->finish(b, {operands, node.attributes}, b.Constant(sums)))
    b.Output("shown", value);
  return Interpret(std::move(b).Build(), {}, kValues)->outputs;
}

void ExpectApplication(const OpDef& op) {
  const Example example = ParseExample(op.example);
  EXPECT_EQ(example.call, op.name);
  const auto model = ParseModel(ModelText(example), "example.descent");
  ASSERT_TRUE(model) << model.error().ToString() << ModelText(example);
  const auto run = Interpret(model->graph, {}, kValues);
  ASSERT_TRUE(run) << run.error().message;
  ExpectResults(run->outputs, example.results);
  EXPECT_EQ(op.is_metric(), !example.shown.empty());
  if (op.is_metric()) ExpectResults(Finished(model->graph, run->outputs[0]), example.shown);
}

/// "half: f32[2] = 0.5"
void ExpectStatement(const OpDef& op) {
  const std::string_view keyword = "input ";
  std::string_view name = op.example.substr(0, op.example.find(':'));
  if (name.starts_with(keyword)) name.remove_prefix(keyword.size());
  const auto model = ParseModel(
      fmt::format("descent 1\nmodel example {{\n  {}\n  output {}\n}}\n", op.example, name),
      "example.descent");
  ASSERT_TRUE(model) << model.error().ToString();
  EXPECT_EQ(model->graph.node(model->graph.outputs()[0].value).op, &op);
}

TEST(OpExamples, GiveWhatTheySay) {
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops) {
      SCOPED_TRACE(op.name);
      EXPECT_FALSE(op.example.empty()) << "an operator needs an example";
      if (op.example.empty()) continue;
      const bool is_statement = op.leaf == Leaf::kInput || op.leaf == Leaf::kConstant;
      is_statement ? ExpectStatement(op) : ExpectApplication(op);
    }
}

}  // namespace
}  // namespace descent
