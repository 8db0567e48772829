// Every operator against its samples: types, definitions, values, gradients, replacements.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "ir/autodiff.h"
#include "ir/expr.h"
#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

std::vector<const OpDef*> AllOps() {
  std::vector<const OpDef*> ops;
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops) ops.push_back(&op);
  return ops;
}

bool IsFloat(const TensorType& type) { return Info(type.dtype).is_float; }

void ExpectNear(double got, double want, double tolerance, std::string_view what, int64_t index) {
  if (std::isnan(want) || std::isinf(want)) {
    EXPECT_TRUE(std::isnan(want) ? std::isnan(got) : got == want)
        << what << " element " << index << ": " << got << ", not " << want;
  } else {
    EXPECT_NEAR(got, want, tolerance * std::max(1.0, std::fabs(want)))
        << what << " element " << index;
  }
}

void ExpectValues(const Tensor& got, const std::vector<double>& want, std::string_view what) {
  ASSERT_EQ(got.elements(), static_cast<int64_t>(want.size())) << what;
  for (int64_t i = 0; i < got.elements(); ++i)
    ExpectNear(got.GetDouble(i), want[i], IsFloat(got.type()) ? 1e-6 : 0, what, i);
}

// ---- the table itself --------------------------------------------------------------------------

TEST(Conformance, EveryOperatorIsComplete) {
  for (const OpDef* op : AllOps()) {
    SCOPED_TRACE(op->name);
    EXPECT_FALSE(op->doc.empty());
    EXPECT_NE(op->infer, nullptr);
    const int meanings = (op->leaf != Leaf::kNone) + (op->control != Control::kNone) +
                         (op->define != nullptr) + (op->expand != nullptr);
    EXPECT_EQ(meanings, 1);
    const bool differentiable = op->vjp != nullptr || op->expand != nullptr;
    EXPECT_TRUE(differentiable || !op->no_gradient.empty()) << "no gradient and no reason";
    EXPECT_FALSE(op->vjp != nullptr && !op->no_gradient.empty());
    for (const AttributeSpec& attribute : op->signature.attributes)
      EXPECT_FALSE(attribute.doc.empty()) << attribute.name;
  }
}

TEST(Conformance, EveryOperatorHasSamples) {
  std::set<std::string_view> sampled, refused;
  for (const OpSample& sample : AllSamples()) sampled.insert(sample.op);
  for (const ErrorSample& sample : AllErrorSamples()) refused.insert(sample.op);
  for (const OpDef* op : AllOps()) {
    EXPECT_TRUE(sampled.contains(op->name)) << op->name << " has no sample";
    EXPECT_TRUE(refused.contains(op->name) || op->leaf != Leaf::kNone)
        << op->name << " has no error sample";
  }
}

TEST(Conformance, ErrorsNameTheRule) {
  for (const ErrorSample& sample : AllErrorSamples()) {
    GraphBuilder b;
    std::vector<Value> operands;
    for (const TensorType& type : sample.operands)
      operands.push_back(b.Input(fmt::format("x{}", operands.size()), type));
    const auto results = b.TryAdd(sample.op, operands, sample.attributes);
    ASSERT_FALSE(results) << sample.op << " accepts what must fail with: " << sample.message;
    EXPECT_NE(results.error().message.find(sample.message), std::string::npos)
        << results.error().message << "\n  expected: " << sample.message;
  }
}

// ---- meaning -----------------------------------------------------------------------------------

TEST(Conformance, DefinitionsAndExpansionsHaveTheInferredTypes) {
  for (const OpSample& sample : AllSamples()) {
    SCOPED_TRACE(Describe(sample));
    const auto graph = SampleGraph(sample);
    ASSERT_TRUE(graph) << graph.error().message;
    const Node& node = graph->node(graph->outputs()[0].value);
    const OpContext context{sample.operands, node.attributes};
    if (node.op->define != nullptr) {
      const TensorExpr expr = node.op->define(context);
      EXPECT_EQ(Violation(expr, sample.operands), "");
      EXPECT_EQ(Shape(expr.axes.begin(), expr.axes.begin() + expr.rank), node.types[0].shape);
      ASSERT_EQ(expr.results.size(), node.types.size());
      for (size_t i = 0; i < node.types.size(); ++i)
        EXPECT_EQ(expr.results[i]->dtype, node.types[i].dtype);
    }
    for (const auto replace : {node.op->expand, node.op->inference}) {
      if (replace == nullptr) continue;
      GraphBuilder b;
      std::vector<Value> operands;
      for (const TensorType& type : sample.operands)
        operands.push_back(b.Input(fmt::format("x{}", operands.size()), type));
      const std::vector<Value> results = replace(b, context, operands);
      ASSERT_EQ(results.size(), node.types.size());
      for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(b.type(results[i]), node.types[i]);
    }
  }
}

TEST(Conformance, InterpreterGivesTheStatedValues) {
  for (const OpSample& sample : AllSamples()) {
    SCOPED_TRACE(Describe(sample));
    const auto graph = SampleGraph(sample);
    ASSERT_TRUE(graph) << graph.error().message;
    for (const Precision precision : {Precision::kExact, Precision::kTyped}) {
      const auto run =
          Interpret(*graph, SampleOperands(sample, precision), kSampleValues, precision);
      ASSERT_TRUE(run) << run.error().message;
      EXPECT_EQ(run->bad_index, sample.bad_index);
      for (size_t i = 0; i < sample.expected.size(); ++i)
        if (!sample.expected[i].empty() || run->outputs[i].elements() == 0)
          ExpectValues(run->outputs[i], sample.expected[i], fmt::format("y{}", i));
    }
  }
}

// ---- gradients ---------------------------------------------------------------------------------

/// One operator, its gradients for arriving gradients "w<i>", and the gradients of those for
/// "v<j>".
class GradientCase {
 public:
  explicit GradientCase(const OpSample& sample) {
    for (const TensorType& type : sample.operands)
      x_.push_back(b_.Input(fmt::format("x{}", x_.size()), type));
    auto results = b_.TryAdd(sample.op, x_, sample.attributes);
    if (results) y_ = *results;
    values_ = SampleOperands(sample, Precision::kExact);
    for (const Value x : x_)
      if (IsFloat(b_.type(x))) wanted_.push_back(x);
    for (size_t i = 0; i < y_.size(); ++i) {
      const bool counts =
          sample.differentiated_result < 0 || sample.differentiated_result == static_cast<int>(i);
      if (IsFloat(b_.type(y_[i])) && counts) outputs_.push_back(y_[i]);
    }
  }

  bool HasGradient() const { return !wanted_.empty() && !outputs_.empty(); }

  /// Compares the gradient of sum w * y with central differences.
  void CheckFirst() {
    const std::vector<Value> first = Differentiate(outputs_, "w", 0.7);
    if (!first.empty()) Compare(outputs_, first);
  }

  /// The same one order higher: sum v * gradient.
  void CheckSecond() {
    const std::vector<Value> first = Differentiate(outputs_, "w", 0.7);
    if (first.empty()) return;
    const std::vector<Value> second = Differentiate(first, "v", -0.6);
    if (!second.empty()) Compare(first, second);
  }

  /// Gradients of the plain sum of result 0.
  std::vector<Value> GradientsOfSum() {
    const Value one = ExpandTo({b_, b_.ConstantLike(y_[0], 1)}, b_.shape(y_[0]));
    auto gradients = ReverseWalk(b_, {{{y_[0], one}}}, wanted_);
    EXPECT_TRUE(gradients) << gradients.error().message;
    return gradients ? *gradients : std::vector<Value>{};
  }

  std::vector<Tensor> Run(const std::vector<Value>& outputs) {
    // The graph is built of a copy of the nodes: the builder goes on.
    GraphBuilder copy = b_;
    for (const Value output : outputs) copy.Output("", output);
    const Graph graph = std::move(copy).Build();
    auto run = Interpret(graph, values_, kSampleValues, Precision::kExact);
    EXPECT_TRUE(run) << run.error().message;
    return run->outputs;
  }

  const std::vector<Value>& operands() const { return x_; }
  const std::vector<Value>& wanted() const { return wanted_; }

 private:
  std::vector<Value> Differentiate(const std::vector<Value>& outputs, std::string_view prefix,
                                   double scale) {
    std::vector<Cotangent> arriving;
    for (const Value output : outputs) {
      TensorType type = b_.type(output);
      const Value gradient = b_.Input(fmt::format("{}{}", prefix, arriving.size()), type);
      arriving.push_back({output, gradient});
      type.dtype = DType::kF64;
      std::vector<double> weights;
      for (int64_t i = 0; i < type.elements(); ++i)
        weights.push_back(scale * std::cos(1.3 * static_cast<double>(i) + 0.2));
      values_.push_back(Tensor::FromDoubles(type, weights));
    }
    auto gradients = ReverseWalk(b_, arriving, wanted_);
    EXPECT_TRUE(gradients) << gradients.error().message;
    if (!gradients) return {};
    for (size_t i = 0; i < wanted_.size(); ++i)
      EXPECT_EQ(b_.type((*gradients)[i]), b_.type(wanted_[i]));
    return *gradients;
  }

  /// Sum of weights * outputs; the weights are the last inputs.
  double Objective(const Graph& graph, const std::vector<Tensor>& values, size_t outputs) {
    const auto run = Interpret(graph, values, kSampleValues, Precision::kExact);
    double sum = 0;
    for (size_t i = 0; i < outputs; ++i) {
      const Tensor& weights = values[values.size() - outputs + i];
      for (int64_t k = 0; k < weights.elements(); ++k)
        sum += weights.GetDouble(k) * run->outputs[i].GetDouble(k);
    }
    return sum;
  }

  void Compare(const std::vector<Value>& outputs, const std::vector<Value>& gradients) {
    const std::vector<Tensor> analytic = Run(gradients);
    GraphBuilder copy = b_;
    for (const Value output : outputs) copy.Output("", output);
    const Graph graph = std::move(copy).Build();
    for (size_t j = 0; j < wanted_.size(); ++j) {
      const size_t input = std::ranges::find(x_, wanted_[j]) - x_.begin();
      double magnitude = 1;
      for (int64_t k = 0; k < analytic[j].elements(); ++k)
        magnitude = std::max(magnitude, std::fabs(analytic[j].GetDouble(k)));
      for (int64_t k = 0; k < analytic[j].elements(); ++k) {
        const double numeric = CentralDifference(graph, input, k, outputs.size());
        EXPECT_NEAR(analytic[j].GetDouble(k), numeric, 1e-6 * magnitude)
            << "operand " << input << " element " << k;
      }
    }
  }

  double CentralDifference(const Graph& graph, size_t input, int64_t element, size_t outputs) {
    constexpr double kStep = 1e-5;
    const auto moved = [&](double step) {
      std::vector<double> numbers;
      for (int64_t i = 0; i < values_[input].elements(); ++i)
        numbers.push_back(values_[input].GetDouble(i) + (i == element ? step : 0));
      std::vector<Tensor> values = values_;
      values[input] = Tensor::FromDoubles(values_[input].type(), numbers);
      return Objective(graph, values, outputs);
    };
    return (moved(kStep) - moved(-kStep)) / (2 * kStep);
  }

  GraphBuilder b_;
  std::vector<Value> x_, y_, wanted_, outputs_;
  std::vector<Tensor> values_;
};

int64_t OperandElements(const OpSample& sample) {
  int64_t elements = 0;
  for (const TensorType& type : sample.operands) elements += type.elements();
  return elements;
}

bool IsDifferentiable(const OpSample& sample) {
  const OpDef& op = *FindOp(sample.op);
  return sample.smooth && op.no_gradient.empty() && op.leaf == Leaf::kNone;
}

TEST(Conformance, GradientsMatchCentralDifferences) {
  std::map<std::string_view, int> checked;
  for (const OpSample& sample : AllSamples()) {
    if (!IsDifferentiable(sample)) continue;
    SCOPED_TRACE(Describe(sample));
    GradientCase gradient_case(sample);
    if (!gradient_case.HasGradient()) continue;
    gradient_case.CheckFirst();
    ++checked[sample.op];
  }
  for (const OpDef* op : AllOps())
    EXPECT_TRUE(op->vjp == nullptr || checked[op->name] > 0) << op->name << " is never checked";
}

TEST(Conformance, GradientsOfGradientsMatchCentralDifferences) {
  for (const OpSample& sample : AllSamples()) {
    if (!IsDifferentiable(sample) || OperandElements(sample) > 40) continue;
    SCOPED_TRACE(Describe(sample));
    GradientCase gradient_case(sample);
    if (gradient_case.HasGradient()) gradient_case.CheckSecond();
  }
}

TEST(Conformance, GradientsAtTiesAndKinksAreAsStated) {
  for (const OpSample& sample : AllSamples()) {
    if (sample.gradients.empty()) continue;
    SCOPED_TRACE(Describe(sample));
    GradientCase gradient_case(sample);
    const std::vector<Tensor> gradients = gradient_case.Run(gradient_case.GradientsOfSum());
    ASSERT_EQ(gradients.size(), gradient_case.wanted().size());
    for (size_t j = 0; j < gradients.size(); ++j) {
      const size_t operand =
          std::ranges::find(gradient_case.operands(), gradient_case.wanted()[j]) -
          gradient_case.operands().begin();
      if (operand < sample.gradients.size() && !sample.gradients[operand].empty())
        ExpectValues(gradients[j], sample.gradients[operand],
                     fmt::format("gradient of operand {}", operand));
    }
  }
}

// ---- padded rows -------------------------------------------------------------------------------

/// The operand without its last row.
Tensor WithoutLastRow(const Tensor& tensor) {
  TensorType type = tensor.type();
  --type.shape[0];
  return Tensor(type, {tensor.bytes().begin(), tensor.bytes().begin() + type.bytes()});
}

/// The operand with NaNs in its last row, which a product with zero would not remove.
Tensor WithSpoiltLastRow(const Tensor& tensor) {
  if (!IsFloat(tensor.type())) return tensor;
  std::vector<double> values;
  const int64_t valid = WithoutLastRow(tensor).elements();
  for (int64_t i = 0; i < tensor.elements(); ++i)
    values.push_back(i < valid ? tensor.GetDouble(i) : kNaN);
  return Tensor::FromDoubles(tensor.type(), values);
}

/// mask_rows on a batch with one padded row gives what the operator gives without that row.
void CheckMask(const OpSample& sample) {
  const OpDef& op = *FindOp(sample.op);
  const int64_t rows = sample.operands[0].shape[0];
  OpSample shorter = sample;
  std::vector<Tensor> values = SampleOperands(sample, Precision::kExact), fewer = values;
  std::vector<int> batch_axes;
  for (size_t i = 0; i < values.size(); ++i) {
    const bool batched = values[i].type().rank() > 0 && values[i].shape()[0] == rows;
    batch_axes.push_back(batched ? 0 : -1);
    if (!batched) continue;
    --shorter.operands[i].shape[0];
    fewer[i] = WithoutLastRow(values[i]);
    values[i] = WithSpoiltLastRow(values[i]);
  }
  const auto whole = SampleGraph(sample), truth = SampleGraph(shorter);
  ASSERT_TRUE(whole && truth);
  GraphBuilder b;
  std::vector<Value> operands;
  for (const TensorType& type : sample.operands)
    operands.push_back(b.Input(fmt::format("x{}", operands.size()), type));
  const Attributes& attributes = whole->node(whole->outputs()[0].value).attributes;
  const MaskContext mask{b,
                         {sample.operands, attributes},
                         operands,
                         batch_axes,
                         b.Constant(Tensor::FromInts(I64({}), {{rows - 1}}))};
  for (const Value result : op.mask_rows(mask)) b.Output("", result);
  const auto masked = Interpret(std::move(b).Build(), values, kSampleValues, Precision::kExact);
  const auto expected = Interpret(*truth, fewer, kSampleValues, Precision::kExact);
  ASSERT_TRUE(masked && expected);
  for (size_t i = 0; i < expected->outputs.size(); ++i) {
    ASSERT_EQ(masked->outputs[i].shape(), whole->type(whole->outputs()[i].value).shape);
    for (int64_t k = 0; k < expected->outputs[i].elements(); ++k)
      ExpectNear(masked->outputs[i].GetDouble(k), expected->outputs[i].GetDouble(k), 1e-6, "mask",
                 k);
  }
}

bool KeepsRows(const OpSample& sample) {
  const auto graph = SampleGraph(sample);
  const Shape& shape = graph->type(graph->outputs()[0].value).shape;
  return graph->outputs().size() == 1 && !shape.empty() && shape[0] == sample.operands[0].shape[0];
}

TEST(Conformance, MaskedRowsHaveNoInfluence) {
  std::map<std::string_view, int> checked;
  for (const OpSample& sample : AllSamples()) {
    if (FindOp(sample.op)->mask_rows == nullptr || sample.bad_index) continue;
    if (sample.operands[0].rank() == 0 || sample.operands[0].shape[0] < 3) continue;
    if (KeepsRows(sample)) continue;
    SCOPED_TRACE(Describe(sample));
    CheckMask(sample);
    ++checked[sample.op];
  }
  for (const OpDef* op : AllOps())
    EXPECT_TRUE(op->mask_rows == nullptr || checked[op->name] > 0) << op->name;
}

}  // namespace
}  // namespace descent
