// Every rule is held to its kind by evaluating both sides.
#include "compiler/graph/rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "compiler/graph/simplify.h"
#include "ir/interpreter.h"
#include "ir/op_def.h"

namespace descent {
namespace {

/// "x: f32[2, 3], a = [1], C = 4": types of variables, values of constants and attributes.
struct Example {
  std::map<std::string, TensorType> types;
  std::map<std::string, std::string> settings;
};

std::string Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(' ') - first + 1));
}

std::vector<std::string> SplitOutsideBrackets(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += (c == '[') - (c == ']');
    if (c == separator && depth == 0)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  for (std::string& part : parts) part = Trim(part);
  return parts;
}

std::vector<int64_t> ParseInts(const std::string& text) {
  std::vector<int64_t> values;
  for (const std::string& part : SplitOutsideBrackets(text.substr(1, text.size() - 2), ','))
    if (!part.empty()) values.push_back(std::stoll(part));
  return values;
}

Example ParseExample(const std::string& text) {
  Example example;
  for (const std::string& part : SplitOutsideBrackets(text, ',')) {
    if (part.empty()) continue;
    if (const size_t colon = part.find(':'); colon != std::string::npos) {
      const std::string type = Trim(part.substr(colon + 1));
      const size_t open = type.find('[');
      example.types[Trim(part.substr(0, colon))] = {*ParseDType(type.substr(0, open)),
                                                    ParseInts(type.substr(open))};
    } else {
      const size_t equals = part.find('=');
      example.settings[Trim(part.substr(0, equals))] = Trim(part.substr(equals + 1));
    }
  }
  return example;
}

Attribute ParseAttribute(const std::string& text, AttributeKind kind) {
  switch (kind) {
    case AttributeKind::kInts:
      return ParseInts(text);
    case AttributeKind::kInt:
      return int64_t{std::stoll(text)};
    case AttributeKind::kFloat:
      return std::stod(text);
    case AttributeKind::kBool:
      return text == "true";
    case AttributeKind::kDType:
      return *ParseDType(text);
    default:
      return text;
  }
}

/// Adds the pattern to a graph with one input per variable.
class Instance {
 public:
  Instance(const Rule& rule, Example example, std::string op, DType dtype)
      : rule_(rule), example_(std::move(example)), op_(std::move(op)), dtype_(dtype) {}

  Value Add(const Pattern& pattern, std::optional<Value> like = {}) {
    switch (pattern.kind) {
      case Pattern::Kind::kNumber:
        return like ? b.ConstantLike(*like, pattern.number)
                    : b.Constant(Tensor::Scalar(DType::kBool, pattern.number));
      case Pattern::Kind::kConstant: {
        const auto setting = example_.settings.find(pattern.name);
        static const std::map<std::string, double> kDefaults = {{"C", 3}, {"C1", 3}, {"C2", -0.7}};
        return b.ConstantLike(*like, setting != example_.settings.end()
                                         ? std::stod(setting->second)
                                         : kDefaults.at(pattern.name));
      }
      case Pattern::Kind::kVariable: {
        if (const auto known = variables_.find(pattern.name); known != variables_.end())
          return known->second;
        TensorType type{DType::kF32, {2, 3}};
        if (example_.types.contains(pattern.name)) type = example_.types[pattern.name];
        if (type.dtype == DType::kF32) type.dtype = dtype_;
        inputs.push_back(type);
        names.push_back(pattern.name);
        return variables_[pattern.name] = b.Input(pattern.name, type);
      }
      case Pattern::Kind::kCall:
        return AddCall(pattern);
    }
    return {};
  }

  GraphBuilder b;
  std::vector<TensorType> inputs;
  std::vector<std::string> names;  ///< of the inputs

 private:
  Value AddCall(const Pattern& pattern) {
    const std::string op = pattern.name == "F" ? op_ : pattern.name;
    std::vector<Value> operands(pattern.operands.size());
    std::optional<Value> like;
    for (const bool constants : {false, true})
      for (size_t i = 0; i < operands.size(); ++i) {
        const auto kind = pattern.operands[i].kind;
        const bool is_constant = kind == Pattern::Kind::kNumber || kind == Pattern::Kind::kConstant;
        if (is_constant != constants) continue;
        const bool condition = op == "where" && i == 0;
        operands[i] = Add(pattern.operands[i], condition ? std::nullopt : like);
        if (!is_constant) like = operands[i];
      }
    Attributes attributes;
    for (const PatternAttribute& attribute : pattern.attributes) {
      const auto& specs = FindOp(op)->signature.attributes;
      const auto spec = std::ranges::find(specs, attribute.name, &AttributeSpec::name);
      attributes.Set(attribute.name,
                     attribute.variable.empty()
                         ? attribute.literal
                         : ParseAttribute(example_.settings.at(attribute.variable), spec->kind));
    }
    auto values = b.TryAdd(op, operands, std::move(attributes));
    EXPECT_TRUE(values.has_value()) << rule_.name << ": " << values.error().message;
    return (*values)[0];
  }

  const Rule& rule_;
  Example example_;
  std::string op_;
  DType dtype_;
  std::map<std::string, Value> variables_;
};

double SpecialValue(std::mt19937& random) {
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  static const double kValues[] = {0.0,  -0.0,  1,         -1,         0.5,   -2,     1e-40,
                                   3e38, -3e38, 1e-20,     1e20,       -1e20, 88,     -88,
                                   1e-7, 2.5,   kInfinity, -kInfinity, NAN,   1.0 / 3};
  return kValues[random() % std::size(kValues)];
}

/// Values of a variable within the rule's domain.
Tensor RandomTensor(const Rule& rule, const std::string& name, const TensorType& type, bool special,
                    std::mt19937& random) {
  const double limit = rule.domain.contains("|" + name + "| <= 1e30") ? 1e30
                       : rule.domain.contains(name + " finite")
                           ? std::numeric_limits<double>::max()
                           : std::numeric_limits<double>::infinity();
  const bool share = rule.domain.contains(name + " in [0, 1]");
  std::vector<double> values(type.elements());
  for (double& value : values) {
    do value = special ? SpecialValue(random) : std::uniform_real_distribution(-4.0, 4.0)(random);
    while (limit < std::numeric_limits<double>::infinity() && !(std::abs(value) <= limit));
    if (share) value = special ? random() % 2 : std::uniform_real_distribution(0.0, 1.0)(random);
    if (type.dtype == DType::kBool || (share && Info(type.dtype).is_integer)) value = random() % 2;
  }
  return Tensor::FromDoubles(type, values);
}

bool SameValue(double a, double b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

/// Constants that a rule computes are rounded to the dtype, so `tolerance` is some of its epsilons.
void Compare(const Rule& rule, const Tensor& left, const Tensor& right, bool special,
             double tolerance) {
  ASSERT_EQ(left.type(), right.type()) << rule.name;
  for (int64_t i = 0; i < left.elements(); ++i) {
    const double a = left.GetDouble(i), b = right.GetDouble(i);
    if (rule.kind == RuleKind::kExact) {
      EXPECT_TRUE(SameValue(a, b)) << rule.name << ": " << a << " became " << b;
    } else if (std::isfinite(a)) {
      EXPECT_TRUE(std::isfinite(b)) << rule.name << ": " << a << " became " << b;
      if (!special) {
        EXPECT_NEAR(a, b, tolerance * std::max(1.0, std::abs(a))) << rule.name;
      }
    }
  }
}

/// Evaluates both sides on special values (typed) and on random ones (real rules: exact mode).
void Check(const Rule& rule, Instance& instance, double tolerance) {
  const Value left = instance.Add(ParsePattern(rule.pattern));
  if (::testing::Test::HasFailure()) return;
  const auto right = ApplyRule(rule, instance.b, left);
  ASSERT_TRUE(right.has_value()) << rule.name << " does not apply to its own example";
  instance.b.Output("left", left);
  instance.b.Output("right", *right);
  const Graph graph = std::move(instance.b).Build();
  std::mt19937 random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const bool special = trial % 2 == 0;
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < instance.inputs.size(); ++i)
      inputs.push_back(RandomTensor(rule, instance.names[i], instance.inputs[i], special, random));
    const Precision precision =
        rule.kind == RuleKind::kReal && !special ? Precision::kExact : Precision::kTyped;
    const auto run = Interpret(graph, inputs, {}, precision);
    ASSERT_TRUE(run.has_value()) << run.error().message;
    Compare(rule, run->outputs[0], run->outputs[1], special, tolerance);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Rules, HoldWhatTheirKindSays) {
  for (const Rule& rule : Rules()) {
    SCOPED_TRACE(std::string(rule.name));
    std::vector<std::string> ops(rule.ops.begin(), rule.ops.end());
    if (ops.empty()) ops.emplace_back();
    for (const std::string& example : SplitOutsideBrackets(rule.example, '|'))
      for (const std::string& op : ops)
        for (const DType dtype : {DType::kF32, DType::kF64}) {
          Instance instance(rule, ParseExample(example), op, dtype);
          Check(rule, instance, dtype == DType::kF32 ? 1e-6 : 1e-14);
          if (HasFailure()) break;
        }
  }
}

/// It has the type of its operand, but not its order.
TEST(Rules, KeepASliceThatTurnsAnAxisAround) {
  GraphBuilder b;
  const Value x = b.Input("x", {DType::kF32, {4}});
  using Ints = std::vector<int64_t>;
  b.Output("y",
           b.Add("slice", {x}, {{"starts", Ints{-1}}, {"stops", Ints{-5}}, {"steps", Ints{-1}}}));
  Model model;
  model.graph = std::move(b).Build();
  const auto simplified = Simplify(model, {});
  ASSERT_TRUE(simplified);
  EXPECT_TRUE(SameGraph(simplified->graph, model.graph));
}

TEST(Rules, HaveDistinctNames) {
  std::set<std::string_view> names;
  for (const Rule& rule : Rules()) EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
}

}  // namespace
}  // namespace descent
