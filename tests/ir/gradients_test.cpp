// Every differentiable operator's gradients, first and second, against central differences; those
// at ties and kinks against stated ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ir/autodiff.h"
#include "ir/expr.h"
#include "tests/ir/expect_values.h"
#include "tests/ir/samples/parameters.h"

namespace descent {
namespace {

/// Of an operand, evenly spread: each costs two runs.
constexpr int64_t kMostElements = 40;

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
      if (IsFloat(x)) wanted_.push_back(x);
    for (size_t i = 0; i < y_.size(); ++i) {
      const bool counts =
          sample.differentiated_result < 0 || sample.differentiated_result == static_cast<int>(i);
      if (IsFloat(y_[i]) && counts) outputs_.push_back(y_[i]);
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
  bool IsFloat(Value value) const { return Info(b_.dtype(value)).is_float; }

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
      const int64_t stride = 1 + analytic[j].elements() / kMostElements;
      for (int64_t k = 0; k < analytic[j].elements(); k += stride) {
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

class Gradients : public testing::TestWithParam<Operator> {
 protected:
  const OpDef& op() const { return *GetParam().op; }
};
INSTANTIATE_TEST_SUITE_P(All, Gradients, testing::ValuesIn(AllOperators()), OperatorName());

TEST_P(Gradients, MatchCentralDifferences) {
  int checked = 0;
  for (const OpSample& sample : SamplesOf(op())) {
    if (!IsDifferentiable(sample)) continue;
    SCOPED_TRACE(Describe(sample));
    GradientCase gradient_case(sample);
    if (!gradient_case.HasGradient()) continue;
    gradient_case.CheckFirst();
    ++checked;
  }
  // A vjp that is not the derivative (stop_gradient) has its gradients stated.
  for (const OpSample& sample : SamplesOf(op())) checked += sample.gradients.empty() ? 0 : 1;
  EXPECT_TRUE(op().vjp == nullptr || checked > 0) << op().name << " is never checked";
}

TEST_P(Gradients, OfGradientsMatchCentralDifferences) {
  for (const OpSample& sample : SamplesOf(op())) {
    if (!IsDifferentiable(sample) || OperandElements(sample) > 40) continue;
    SCOPED_TRACE(Describe(sample));
    GradientCase gradient_case(sample);
    if (gradient_case.HasGradient()) gradient_case.CheckSecond();
  }
}

TEST_P(Gradients, AtTiesAndKinksAreAsStated) {
  for (const OpSample& sample : SamplesOf(op())) {
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

}  // namespace
}  // namespace descent
