// The examples of the reference: each is evaluated and gives what it says.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "ir/interpreter.h"
#include "ir/io/model_file.h"
#include "ir/op_def.h"

namespace descent {
namespace {

/// The parts of `text` between commas outside of brackets, without blanks around them.
std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += (c == '[' || c == '(' || c == '{') - (c == ']' || c == ')' || c == '}');
    if (c == ',' && depth == 0) {
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
  std::string call;                   ///< "cumsum([1, 2], axis=0)"
  std::vector<std::string> operands;  ///< "[1, 2]", "i64 [0, 1]"
  std::vector<std::string> attributes;
  std::vector<std::string> results;
};

Example ParseExample(std::string_view text) {
  const size_t open = text.find('('), equal = text.rfind(") = ");
  EXPECT_NE(equal, std::string_view::npos) << text;
  Example example{.call = std::string(text.substr(0, open))};
  for (const std::string& part : SplitList(text.substr(open + 1, equal - open - 1))) {
    const size_t assign = part.find('=');
    const bool is_attribute = assign != std::string::npos && part.find('[') > assign;
    if (!part.empty()) (is_attribute ? example.attributes : example.operands).push_back(part);
  }
  example.results = SplitList(text.substr(equal + 4));
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
  return text + fmt::format("  {} = {}({})\n{}}}\n", results, example.call, arguments, outputs);
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

TEST(OpExamples, GiveWhatTheySay) {
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops) {
      if (op.example.empty()) continue;
      SCOPED_TRACE(op.example);
      const Example example = ParseExample(op.example);
      EXPECT_EQ(example.call, op.name);
      const auto model = ParseModel(ModelText(example), "example.descent");
      ASSERT_TRUE(model) << model.error().ToString() << ModelText(example);
      const auto run = Interpret(model->graph, {}, {.seed = 1});
      ASSERT_TRUE(run) << run.error().message;
      for (size_t i = 0; i < example.results.size(); ++i)
        if (example.results[i] != "_") ExpectResult(run->outputs[i], example.results[i]);
    }
}

}  // namespace
}  // namespace descent
