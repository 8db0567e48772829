// Every pass on random models: what it makes means the same.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/graph/pipeline.h"
#include "tests/compiler/oracle/random_case.h"

namespace descent {
namespace {

constexpr int kRuns = 4, kGraphsOfRun = 25;

/// A tensor with room for the exact interpreter's own errors: bounds around stated values.
std::vector<BoundedArray> BoundsOf(const Graph& graph, const NamedTensors& values,
                                   Precision precision, const Graph* source = nullptr) {
  return BoundErrors(graph, InputsOf(graph, values), RunValuesOf(values), precision, source);
}

/// Folding computes in the graph's own types; what else passes do is exact up to
/// rounding in f64 and to that of the constants they make. To round to bf16 changes no exact value.
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
    PipelineOptions options{.pass = {.entry = one.entry, .precision = FactorPrecision::kBF16}};
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

}  // namespace
}  // namespace descent
