// Random graphs, compiled in two ways each, against the interpreter: every decided element lies
// within the error bound that follows from the graph alone. descent-fuzz runs the same on more.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/compiler/oracle/random_case.h"

namespace descent {
namespace {

/// A run: so many graphs that a few with many kinks do not decide about it.
constexpr int kRuns = 10, kGraphsOfRun = 30;

class RandomGraphs : public testing::TestWithParam<int> {};

TEST_P(RandomGraphs, CompiledValuesLieWithinTheirErrorBounds) {
  Sharpness sharpness;
  for (int i = 0; i < kGraphsOfRun; ++i) {
    const uint64_t seed = GetParam() * kGraphsOfRun + i;
    const OptionSet options[] = {OptionSet(), DrawOptions(seed)};
    const CheckReport report = Check(RandomCase(seed), options);
    EXPECT_EQ(report.failure, "") << "seed " << seed << ", " << ToString(report.options);
    sharpness.Add(report.sharpness);
  }
  // Bounds that allow everything would prove nothing.
  EXPECT_GE(static_cast<double>(sharpness.decided), 0.95 * static_cast<double>(sharpness.elements));
  EXPECT_GE(static_cast<double>(sharpness.finite), 0.9 * static_cast<double>(sharpness.floats));
  auto& relative = sharpness.relative;
  std::ranges::nth_element(relative, relative.begin() + relative.size() / 2);
  EXPECT_LT(relative[relative.size() / 2], 1e-3);
  RecordProperty("decided", fmt::format("{} of {}", sharpness.decided, sharpness.elements));
  RecordProperty("median_bound", fmt::format("{:.1e}", relative[relative.size() / 2]));
}

INSTANTIATE_TEST_SUITE_P(Runs, RandomGraphs, testing::Range(0, kRuns));

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

/// Only in the kernels of one kind: a graph without one says nothing.
TEST(InjectedError, OfOneKindOfKernelIsFound) {
  for (const KernelKind kind : {KernelKind::kLoops, KernelKind::kContraction}) {
    EXPECT_GT(GraphsUntilFound([&](KernelProgram& program, uint64_t) {
                for (size_t i = 0; i < program.kernels.size(); ++i)
                  if (program.kernels[i].kind == kind) return Perturb(program, i, 1e-4);
              }),
              0)
        << "kind " << static_cast<int>(kind);
  }
}

TEST(InjectedError, NoneIsNotFound) {
  EXPECT_EQ(GraphsUntilFound([](KernelProgram&, uint64_t) {}), -1);
}

}  // namespace
}  // namespace descent
