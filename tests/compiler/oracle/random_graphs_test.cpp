// Random graphs, compiled in two ways each, against the interpreter: every decided element lies
// within the error bound that follows from the graph alone. descent-fuzz runs the same on more.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/compiler/oracle/operator_deck.h"
#include "tests/compiler/oracle/random_case.h"

namespace descent {
namespace {

/// So many that a few with many kinks do not decide; from where on all operators are among them.
constexpr int kGraphs = 300;
constexpr uint64_t kFirst = 100, kLast = kFirst + kGraphs;

TEST(RandomGraphs, CompiledValuesLieWithinTheirErrorBounds) {
  Sharpness sharpness;
  int padded = 0, refused = 0;
  for (uint64_t seed = kFirst; seed < kLast; ++seed) {
    const OptionSet options[] = {OptionSet(), DrawOptions(seed)};
    const OracleCase one = RandomCase(seed);
    const CheckReport report = Check(one, options);
    padded += one.model.batch > 0;
    refused += !report.refused.empty();
    EXPECT_EQ(report.failure, "") << "seed " << seed << ", " << ToString(report.options);
    sharpness.Add(report.sharpness);
  }
  EXPECT_GE(padded, kGraphs / 8);
  EXPECT_LE(refused, padded / 4);
  // Bounds that allow everything would prove nothing.
  EXPECT_GE(static_cast<double>(sharpness.decided), 0.95 * static_cast<double>(sharpness.elements));
  EXPECT_GE(static_cast<double>(sharpness.finite), 0.9 * static_cast<double>(sharpness.floats));
  auto& relative = sharpness.relative;
  std::ranges::nth_element(relative, relative.begin() + relative.size() / 2);
  EXPECT_LT(relative[relative.size() / 2], 1e-3);
  RecordProperty("decided", fmt::format("{} of {}", sharpness.decided, sharpness.elements));
  RecordProperty("median_bound", fmt::format("{:.1e}", relative[relative.size() / 2]));
}

TEST(RandomGraphs, HaveEveryOperator) {
  std::map<std::string_view, int> uses;
  for (uint64_t seed = kFirst; seed < kLast; ++seed) {
    const OracleCase one = RandomCase(seed);
    std::set<std::string_view> used;
    for (const Node& node : one.model.graph.nodes()) used.insert(node.op->name);
    for (const std::string_view op : used) ++uses[op];
  }
  for (const SampledOperator& sampled : SampledOperators(false))
    EXPECT_GE(uses[sampled.op->name], 1) << sampled.op->name;
}

/// A program that trains on padded rows as on others.
TEST(PaddedRows, ThatCountAreFound) {
  int found = 0, graphs = 0;
  const OptionSet options;
  for (uint64_t seed = 0; seed < 80; ++seed) {
    auto one = RandomPaddedCase(seed);
    if (!one || !one->model.has_loss() || !Check(*one, {&options, 1}).refused.empty()) continue;
    ++graphs;
    one->model.keep_partial_batch = false;
    found += !Check(*one, {&options, 1}).failure.empty();
  }
  EXPECT_GT(graphs, 8);
  EXPECT_GE(found, graphs * 2 / 3);
  RecordProperty("found", fmt::format("{} of {}", found, graphs));
}

/// Graphs until an error in the kernels that `tamper` chooses is found; -1 if it never is.
int GraphsUntilFound(const std::function<void(KernelProgram&, uint64_t seed)>& tamper) {
  for (int seed = 0; seed < 100; ++seed) {
    const OptionSet options;
    const CheckReport report = Check(RandomCase(seed), {&options, 1},
                                     [&](KernelProgram& program) { tamper(program, seed); });
    if (!report.failure.empty()) return seed + 1;
  }
  return -1;
}

TEST(InjectedError, OfOneKernelIsFound) {
  EXPECT_GT(
      GraphsUntilFound([](KernelProgram& program, uint64_t seed) { Perturb(program, seed, 1e-4); }),
      0);
}

/// Only in the kernels of one form: a graph without one says nothing.
TEST(InjectedError, OfOneKindOfKernelIsFound) {
  for (const AnyForm& form : {AnyForm(LoopsForm()), AnyForm(ContractionForm())}) {
    EXPECT_GT(GraphsUntilFound([&](KernelProgram& program, uint64_t) {
                for (size_t i = 0; i < program.kernels.size(); ++i)
                  if (program.kernels[i].form.index() == form.index())
                    return Perturb(program, i, 1e-4);
              }),
              0)
        << "form " << form.index();
  }
}

TEST(InjectedError, NoneIsNotFound) {
  EXPECT_EQ(GraphsUntilFound([](KernelProgram&, uint64_t) {}), -1);
}

}  // namespace
}  // namespace descent
