// Every pass on random models: what it makes means the same, and gradients are derivatives.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/graph/pipeline.h"
#include "ir/autodiff.h"
#include "ir/expr.h"
#include "tests/compiler/oracle/random_case.h"
#include "tests/compiler/oracle/random_graph.h"

namespace descent {
namespace {

constexpr int kRuns = 4, kGraphsOfRun = 25;

/// A tensor with room for the exact interpreter's own errors: bounds around stated values.
std::vector<BoundedArray> BoundsOf(const Graph& graph, const NamedTensors& values,
                                   Precision precision, const Graph* source = nullptr) {
  return BoundErrors(graph, InputsOf(graph, values), RunValuesOf(values), precision, source);
}

/// Folding computes in the graph's own types; what else passes do is exact up to
/// rounding in f64 and to that of the constants they make.
Precision PrecisionOf(std::string_view pass) {
  return pass == "fold_constants" ? Precision::kTyped : Precision::kExact;
}

/// Outputs that both graphs have are equal within the bounds of both.
void ExpectSameMeaning(const PassReport& report, const NamedTensors& values) {
  const Precision precision = PrecisionOf(report.name);
  const Graph &before = report.before.graph, &after = report.after.graph;
  const auto old_bounds = BoundsOf(before, values, precision);
  const auto new_bounds = BoundsOf(after, values, precision, &before);
  int compared = 0;
  for (size_t i = 0; i < after.outputs().size(); ++i) {
    const std::string& name = after.outputs()[i].name;
    for (size_t k = 0; k < before.outputs().size(); ++k) {
      if (before.outputs()[k].name != name) continue;
      ++compared;
      ASSERT_EQ(old_bounds[k].type, new_bounds[i].type) << name;
      for (size_t cell = 0; cell < new_bounds[i].cells.size(); ++cell) {
        const Bounded &old_cell = old_bounds[k].cells[cell], &new_cell = new_bounds[i].cells[cell];
        if (old_cell.undecided || new_cell.undecided) continue;
        ASSERT_EQ(old_cell.integer, new_cell.integer) << name << " element " << cell;
        if (old_cell.value == new_cell.value) continue;
        ASSERT_LE(std::abs(old_cell.value - new_cell.value), old_cell.error + new_cell.error)
            << name << " element " << cell << ": " << new_cell.value << " for " << old_cell.value;
      }
    }
  }
  EXPECT_GT(compared, 0);
}

class RandomPasses : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Runs, RandomPasses, testing::Range(0, kRuns));

TEST_P(RandomPasses, KeepWhatAModelMeans) {
  std::map<std::string_view, int> changed;
  for (int i = 0; i < kGraphsOfRun; ++i) {
    const uint64_t seed = 1000 + GetParam() * kGraphsOfRun + i;
    SCOPED_TRACE(seed);
    const OracleCase one =
        i % 2 == 0 ? RandomRunCase(seed) : RandomTrainingCase(seed).value_or(RandomRunCase(seed));
    const NamedTensors values = WithSystemValues(one.values);
    PipelineOptions options{.pass = {.entry = one.entry}};
    options.after_pass = [&](const PassReport& report) {
      SCOPED_TRACE(report.name);
      changed[report.name] += report.changed;
      if (report.changed) ExpectSameMeaning(report, values);
    };
    const auto result = RunPasses(one.model, StandardPasses(one.model), options);
    ASSERT_TRUE(result) << result.error().ToString();
  }
  for (const Pass& pass : Passes()) EXPECT_GT(changed[pass.name], 0) << pass.name;
}

// ---- gradients ---------------------------------------------------------------------------------

/// The sum of weighted results of a smooth random graph and its derivative along a direction, by
/// the differentiator and by central differences.
class DirectionalDerivative {
 public:
  explicit DirectionalDerivative(uint64_t seed)
      : grower_(seed, {.operators = 5, .smooth = true}), seed_(seed) {
    grower_.Grow(seed);
    for (const Value value : grower_.Differentiable()) results_.push_back(value);
    for (const Tensor& input : grower_.inputs()) {
      TensorType type = input.type();
      if (Info(type.dtype).is_float) type.dtype = DType::kF64;
      std::vector<double> numbers;
      for (int64_t i = 0; i < input.elements(); ++i) numbers.push_back(input.GetDouble(i));
      at_.push_back(numbers);
      types_.push_back(type);
    }
  }

  bool HasDerivative() const { return !results_.empty(); }

  double Analytic() {
    GraphBuilder& b = grower_.builder();
    std::vector<Cotangent> cotangents;
    for (const Value value : results_)
      cotangents.push_back({value, ExpandTo({b, b.ConstantLike(value, 1)}, b.shape(value))});
    const auto gradients = ReverseWalk(b, cotangents, grower_.float_inputs());
    if (!gradients) return std::nan("");
    const std::vector<Tensor> values = Run(*gradients, 0);
    double sum = 0;
    size_t next = 0;
    for (size_t input = 0; input < at_.size(); ++input) {
      if (!Info(types_[input].dtype).is_float) continue;
      const Tensor& gradient = values[next++];
      for (int64_t i = 0; i < gradient.elements(); ++i)
        sum += gradient.GetDouble(i) * Direction(input, i);
    }
    return sum;
  }

  double Numeric(double step) { return (Objective(step) - Objective(-step)) / (2 * step); }

 private:
  /// In [-1, 1], the same for every call.
  double Direction(size_t input, int64_t element) const {
    return std::cos(1.7 * static_cast<double>(element) + 0.9 * static_cast<double>(input) +
                    static_cast<double>(seed_ % 97));
  }

  double Objective(double step) {
    double sum = 0;
    for (const Tensor& result : Run(results_, step))
      for (int64_t i = 0; i < result.elements(); ++i) sum += result.GetDouble(i);
    return sum;
  }

  std::vector<Tensor> Run(const std::vector<Value>& outputs, double step) {
    GraphBuilder copy = grower_.builder();
    for (const Value output : outputs) copy.Output("", output);
    std::vector<Tensor> inputs;
    for (size_t input = 0; input < at_.size(); ++input) {
      std::vector<double> numbers = at_[input];
      if (Info(types_[input].dtype).is_float)
        for (size_t i = 0; i < numbers.size(); ++i)
          numbers[i] += step * Direction(input, static_cast<int64_t>(i));
      inputs.push_back(Tensor::FromDoubles(types_[input], numbers));
    }
    const auto run = Interpret(std::move(copy).Build(), inputs, kSampleValues, Precision::kExact);
    EXPECT_TRUE(run) << run.error().message;
    return run->outputs;
  }

  GraphGrower grower_;
  const uint64_t seed_;
  std::vector<Value> results_;
  std::vector<std::vector<double>> at_;
  std::vector<TensorType> types_;
};

TEST_P(RandomPasses, GradientsAreDerivatives) {
  int compared = 0, graphs = 0;
  for (int i = 0; i < kGraphsOfRun; ++i) {
    const uint64_t seed = 5000 + GetParam() * kGraphsOfRun + i;
    SCOPED_TRACE(seed);
    DirectionalDerivative derivative(seed);
    if (!derivative.HasDerivative()) continue;
    ++graphs;
    const double numeric = derivative.Numeric(1e-5), closer = derivative.Numeric(2.5e-6);
    const double magnitude = std::max({1.0, std::abs(numeric), std::abs(closer)});
    // Two steps that disagree have a kink between them, or lose too many digits to rounding.
    if (!(std::abs(numeric - closer) <= 1e-7 * magnitude)) continue;
    ++compared;
    EXPECT_NEAR(derivative.Analytic(), closer, 1e-6 * magnitude);
  }
  EXPECT_GE(compared, graphs / 2);
  EXPECT_GT(compared, kGraphsOfRun / 3);
}

}  // namespace
}  // namespace descent
