// Gradients of random graphs, and gradients of those, are derivatives: along a direction, they give
// what central differences give. A planted wrong derivative is found.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "compiler/graph/transcribe.h"
#include "ir/expr.h"
#include "tests/compiler/oracle/random_graph.h"

namespace descent {
namespace {

constexpr int kRuns = 8, kGraphsOfRun = 25;
constexpr double kStep = 1e-5;

std::vector<Value> FloatsOf(const GraphBuilder& b, std::vector<Value> values) {
  std::erase_if(values, [&](Value value) { return !Info(b.dtype(value)).is_float; });
  return values;
}

/// A smooth random graph around its inputs' values. Order 1: the sum of its results and that sum's
/// gradients; order 2: the sum of those gradients and that sum's.
class Objective {
 public:
  Objective(uint64_t seed, int order) : grower_(seed, {.operators = 5, .smooth = true}) {
    grower_.Grow();
    summed_ = FloatsOf(grower_.builder(), grower_.Differentiable());
    if (order > 1 && grower_.takes_constants()) summed_.clear();
    for (int i = 0; i < order && !summed_.empty(); ++i) {
      const std::vector<Value> results = i == 0 ? summed_ : gradients_;
      auto gradients = GradientsOfSum(grower_.builder(), results, grower_.float_inputs());
      summed_ = gradients ? results : std::vector<Value>{};
      gradients_ = gradients.value_or(std::vector<Value>{});
    }
    for (const Tensor& input : grower_.inputs()) {
      at_.emplace_back();
      for (int64_t i = 0; i < input.elements(); ++i) at_.back().push_back(input.GetDouble(i));
    }
    direction_seed_ = static_cast<double>(seed % 97);
  }

  bool HasGradients() const { return !gradients_.empty(); }

  /// The sum at `step` along the direction.
  double At(double step) {
    double sum = 0;
    for (const Tensor& result : Run(GraphOf(summed_), step))
      for (int64_t i = 0; i < result.elements(); ++i) sum += result.GetDouble(i);
    return sum;
  }

  Graph Gradients() { return GraphOf(gradients_); }

  /// Along the direction, at `step` along it.
  double Derivative(const Graph& gradients, double step = 0) {
    const std::vector<Tensor> values = Run(gradients, step);
    double sum = 0;
    size_t next = 0;
    for (size_t input = 0; input < at_.size(); ++input) {
      if (!IsFloat(input)) continue;
      const Tensor& gradient = values[next++];
      for (int64_t i = 0; i < gradient.elements(); ++i)
        sum += gradient.GetDouble(i) * Direction(input, i);
    }
    return sum;
  }

 private:
  bool IsFloat(size_t input) const { return Info(grower_.inputs()[input].dtype()).is_float; }

  /// In [-1, 1], the same for every call.
  double Direction(size_t input, int64_t element) const {
    return std::cos(1.7 * static_cast<double>(element) + 0.9 * static_cast<double>(input) +
                    direction_seed_);
  }

  Graph GraphOf(const std::vector<Value>& outputs) {
    GraphBuilder copy = grower_.builder();
    for (size_t i = 0; i < outputs.size(); ++i) copy.Output(fmt::format("y{}", i), outputs[i]);
    return std::move(copy).Build();
  }

  std::vector<Tensor> Run(const Graph& graph, double step) {
    std::vector<Tensor> inputs;
    for (size_t input = 0; input < at_.size(); ++input) {
      TensorType type = grower_.inputs()[input].type();
      std::vector<double> numbers = at_[input];
      if (IsFloat(input)) type.dtype = DType::kF64;
      for (size_t i = 0; i < numbers.size() && IsFloat(input); ++i)
        numbers[i] += step * Direction(input, static_cast<int64_t>(i));
      inputs.push_back(Tensor::FromDoubles(type, numbers));
    }
    const auto run = Interpret(graph, inputs, kSampleValues, Precision::kExact);
    EXPECT_TRUE(run) << run.error().message;
    return run->outputs;
  }

  GraphGrower grower_;
  std::vector<Value> summed_, gradients_;
  std::vector<std::vector<double>> at_;
  double direction_seed_ = 0;
};

struct Differences {
  double derivative = 0, magnitude = 0;
};

/// Nullopt at a kink, or where too many digits are lost to rounding: the central differences of two
/// steps disagree, or the one-sided derivatives do, extrapolated to a step of 0; or the gradients
/// jump, as those of a square root of what is 0 but for rounding do.
std::optional<Differences> Differentiate(Objective& objective) {
  const double here = objective.At(0);
  struct Step {
    double central, jump;
  };
  const auto at = [&](double step) {
    const double above = objective.At(step), below = objective.At(-step);
    return Step{(above - below) / (2 * step), ((above - here) - (here - below)) / step};
  };
  const Step far = at(kStep), near = at(kStep / 4);
  const double magnitude = std::max({1.0, std::abs(far.central), std::abs(near.central)});
  // Without a kink the one-sided derivatives differ by step * f'' and terms of step^3.
  const double jump = (4 * near.jump - far.jump) / 3;
  const double most = 1e-7 * magnitude;
  if (!(std::abs(far.central - near.central) <= most) || !(std::abs(jump) <= most))
    return std::nullopt;
  const Graph gradients = objective.Gradients();
  const double change =
      objective.Derivative(gradients, kStep) - objective.Derivative(gradients, -kStep);
  if (!(std::abs(change) <= 1e-2 * magnitude)) return std::nullopt;
  return Differences{near.central, magnitude};
}

bool Agrees(Objective& objective, const Graph& gradients, const Differences& differences) {
  return std::abs(objective.Derivative(gradients) - differences.derivative) <=
         1e-6 * differences.magnitude;
}

/// Floats of the backward pass that hold more than one constant.
std::vector<int32_t> BackwardNodes(const Graph& gradients) {
  std::vector<int32_t> numbers;
  for (int32_t number = 0; number < static_cast<int32_t>(gradients.nodes().size()); ++number) {
    const Node& node = gradients.nodes()[number];
    if (node.label.section == Section::kBackward && node.op->leaf == Leaf::kNone &&
        node.types.size() == 1 && Info(node.types[0].dtype).is_float)
      numbers.push_back(number);
  }
  return numbers;
}

/// The graph with the result of one node multiplied.
Graph WithWrongNode(const Graph& graph, int32_t number, double factor) {
  auto wrong =
      Transcribe(graph,
                 [&](GraphBuilder& b, const Node& node,
                     std::span<const Value> operands) -> Result<std::optional<std::vector<Value>>> {
                   if (&node != &graph.nodes()[number]) return std::nullopt;
                   DESCENT_TRY(copy, b.Copy(node, {operands.begin(), operands.end()}));
                   return std::vector<Value>{Expr(b, copy[0]) * factor};
                 });
  EXPECT_TRUE(wrong) << wrong.error().message;
  return *std::move(wrong);
}

class RandomGradients : public testing::TestWithParam<int> {
 protected:
  void ExpectDerivatives(int order) {
    int compared = 0, graphs = 0;
    for (int i = 0; i < kGraphsOfRun; ++i) {
      const uint64_t seed = 5000 + GetParam() * kGraphsOfRun + i;
      Objective objective(seed, order);
      if (!objective.HasGradients()) continue;
      ++graphs;
      const auto differences = Differentiate(objective);
      if (!differences) continue;
      ++compared;
      EXPECT_TRUE(Agrees(objective, objective.Gradients(), *differences))
          << "seed " << seed << ": " << objective.Derivative(objective.Gradients()) << " for "
          << differences->derivative;
    }
    EXPECT_GE(compared, graphs / 2);
    EXPECT_GT(compared, kGraphsOfRun / 3);
  }
};
INSTANTIATE_TEST_SUITE_P(Runs, RandomGradients, testing::Range(0, kRuns));

TEST_P(RandomGradients, AreDerivatives) { ExpectDerivatives(1); }

TEST_P(RandomGradients, OfGradientsAreDerivatives) { ExpectDerivatives(2); }

/// One wrong node of each graph's backward pass, by a sign, a missing term, one in a hundred.
TEST_P(RandomGradients, OfWhichOneIsWrongAreFound) {
  constexpr double kFactors[] = {-1, 0, 1.01};
  int planted = 0, found = 0;
  for (int i = 0; i < kGraphsOfRun; ++i) {
    const uint64_t seed = 5000 + GetParam() * kGraphsOfRun + i;
    Objective objective(seed, 1);
    if (!objective.HasGradients()) continue;
    const Graph gradients = objective.Gradients();
    const std::vector<int32_t> nodes = BackwardNodes(gradients);
    const auto differences = Differentiate(objective);
    if (!differences || nodes.empty()) continue;
    const Graph wrong =
        WithWrongNode(gradients, nodes[seed * 7919 % nodes.size()], kFactors[seed % 3]);
    ++planted;
    found += !Agrees(objective, wrong, *differences);
  }
  // What is missed are nodes whose value is 0.
  EXPECT_GT(planted, kGraphsOfRun / 3);
  EXPECT_GE(found, planted * 2 / 3);
  RecordProperty("found", fmt::format("{} of {}", found, planted));
}

}  // namespace
}  // namespace descent
