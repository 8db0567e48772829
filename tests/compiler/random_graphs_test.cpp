// Random graphs, compiled in several ways, against the exact interpreter: every decided element
// lies within the error bound that follows from the graph alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "compiler/graph/expand.h"
#include "compiler/graph/pipeline.h"
#include "tests/compiler/compiled_entry.h"
#include "tests/compiler/error_bounds.h"
#include "tests/compiler/kernel/sample_graphs.h"
#include "tests/compiler/random_graph.h"

namespace descent {
namespace {

/// A run: so many graphs that a few with many kinks do not decide about it.
constexpr int kRuns = 2, kGraphsOfRun = 10;

struct OptionSet {
  const char* name;
  std::set<std::string> disabled;  ///< passes
  bool fuse;
};
const OptionSet kOptionSets[] = {
    {"all", {}, true},
    {"no fusion", {}, false},
    {"no simplification", {"simplify", "fold_constants"}, true},
    {"neither", {"simplify", "fold_constants"}, false},
};

/// How well the bounds of a run could tell right from wrong.
struct Sharpness {
  int64_t elements = 0, decided = 0;
  std::vector<double> relative;  ///< median bound of each tensor over its largest magnitude
};

/// What a compiled element may be: `exact` up to the errors of the graph as it was compiled, and of
/// the graph as it was written, which is what folding and rewriting may use up.
struct Allowed {
  double exact, error;
  bool decided;
};

Allowed Combine(const Bounded& written, const Bounded& compiled) {
  return {written.value, written.error + compiled.error, !written.undecided && !compiled.undecided};
}

void CompareTensor(const Tensor& got, const BoundedArray& written, const BoundedArray& compiled,
                   const std::string& what, Sharpness& sharpness) {
  ASSERT_EQ(got.type(), written.type) << what;
  const bool is_float = Info(got.dtype()).is_float;
  double largest = 0;
  std::vector<double> bounds;
  for (int64_t i = 0; i < got.elements(); ++i) {
    const Allowed allowed = Combine(written.cells[i], compiled.cells[i]);
    ++sharpness.elements;
    if (!allowed.decided) continue;
    ++sharpness.decided;
    if (!is_float) {
      ASSERT_EQ(got.GetInt(i), written.cells[i].integer) << what << " element " << i;
      continue;
    }
    largest = std::max(largest, std::abs(allowed.exact));
    bounds.push_back(allowed.error);
    ASSERT_LE(std::abs(got.GetDouble(i) - allowed.exact), allowed.error)
        << what << " element " << i << ": " << got.GetDouble(i) << " for " << allowed.exact;
  }
  if (bounds.empty() || largest == 0) return;
  std::ranges::nth_element(bounds, bounds.begin() + bounds.size() / 2);
  sharpness.relative.push_back(bounds[bounds.size() / 2] / largest);
}

void CompareCompiled(const RandomGraph& random, std::span<const BoundedArray> written,
                     const OptionSet& options, Sharpness& sharpness) {
  const Model source = RunModel(random.graph);
  const auto model = RunPasses(source, StandardPasses(source), {.disabled = options.disabled});
  ASSERT_TRUE(model) << model.error().ToString();
  const auto compiled = BoundErrors(model->graph, random.inputs, kSampleValues);
  const Lowered lowered = LowerModel(*model, options.fuse);
  const auto target = ResolveTarget("native");
  ASSERT_TRUE(target) << target.error().message;
  const auto jit = JitProgram::Load(lowered.program, **target);
  ASSERT_TRUE(jit) << jit.error().message;
  std::vector<std::byte> state = SampleState(lowered.program);
  const ProgramRun run = RunCompiledEntry(lowered.program, jit->program().entries[0], state,
                                          random.inputs, kSampleValues.valid_rows);
  ASSERT_EQ(run.outputs.size(), written.size());
  for (size_t i = 0; i < run.outputs.size(); ++i)
    CompareTensor(run.outputs[i], written[i], compiled[i], random.graph.outputs()[i].name,
                  sharpness);
}

/// The centres of the bounds are the exact interpreter's values.
void CheckCentres(const RandomGraph& random, std::span<const BoundedArray> bounds) {
  const auto exact = Interpret(random.graph, random.inputs, kSampleValues, Precision::kExact);
  ASSERT_TRUE(exact) << exact.error().message;
  for (size_t i = 0; i < bounds.size(); ++i)
    for (int64_t k = 0; k < exact->outputs[i].elements(); ++k) {
      const Bounded& cell = bounds[i].cells[k];
      if (cell.undecided) continue;
      if (!Info(bounds[i].type.dtype).is_float) {
        ASSERT_EQ(exact->outputs[i].GetInt(k), cell.integer) << "output " << i;
      } else {
        ASSERT_LE(std::abs(exact->outputs[i].GetDouble(k) - cell.value), cell.error)
            << "output " << i << " element " << k;
      }
    }
}

void CheckGraph(int seed, Sharpness& sharpness) {
  const RandomGraph random = MakeRandomGraph(seed);
  const auto expanded = ExpandGraph(random.graph);
  ASSERT_TRUE(expanded) << expanded.error().message;
  const auto written = BoundErrors(*expanded, random.inputs, kSampleValues);
  CheckCentres(random, written);
  for (const OptionSet& options : kOptionSets) {
    SCOPED_TRACE(options.name);
    CompareCompiled(random, written, options, sharpness);
  }
}

class RandomGraphs : public testing::TestWithParam<int> {};

TEST_P(RandomGraphs, CompiledValuesLieWithinTheirErrorBounds) {
  Sharpness sharpness;
  for (int i = 0; i < kGraphsOfRun; ++i) {
    const int seed = GetParam() * kGraphsOfRun + i;
    SCOPED_TRACE(seed);
    CheckGraph(seed, sharpness);
  }
  // Bounds that allow everything would prove nothing.
  EXPECT_GE(static_cast<double>(sharpness.decided), 0.95 * static_cast<double>(sharpness.elements));
  auto& relative = sharpness.relative;
  std::ranges::nth_element(relative, relative.begin() + relative.size() / 2);
  EXPECT_LT(relative[relative.size() / 2], 1e-3);
  RecordProperty("decided", fmt::format("{} of {}", sharpness.decided, sharpness.elements));
  RecordProperty("median_bound", fmt::format("{:.1e}", relative[relative.size() / 2]));
}

INSTANTIATE_TEST_SUITE_P(Runs, RandomGraphs, testing::Range(0, kRuns));

}  // namespace
}  // namespace descent
