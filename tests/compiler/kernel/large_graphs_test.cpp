// What is wide or deep becomes kernels of bounded size, with the same values.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "compiler/kernel/computation.h"
#include "compiler/kernel/fuse.h"
#include "tests/compiler/kernel/large_graphs.h"
#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {
namespace {

size_t MostReads(const KernelProgram& program) {
  size_t most = 0;
  for (const Kernel& kernel : program.kernels)
    for (const Stage& stage : kernel.stages) most = std::max(most, stage.reads.size());
  return most;
}

int64_t LargestPoint(const KernelProgram& program) {
  int64_t largest = 0;
  for (const Kernel& kernel : program.kernels)
    for (const Stage& stage : kernel.stages) largest = std::max(largest, ScalarCost(stage.results));
  return largest;
}

/// Along an inner axis parts share rows, and one loop may make several of them: what it reads is
/// then bounded by what a point may take.
TEST(LargeGraphs, ConcatOfManyChoosesAmongFew) {
  EXPECT_LE(MostReads(LowerModel(RunModel(WideConcat(300, 0)), true).program), 64u);
  const Lowered inner = LowerModel(RunModel(WideConcat(300, 1)), true);
  EXPECT_LE(LargestPoint(inner.program), kMaxPointCost);
  for (const int axis : {0, 1}) ExpectSameAsInterpreter(WideConcat(300, axis));
}

TEST(LargeGraphs, ConcatOfFewIsOneKernel) {
  EXPECT_EQ(LowerModel(RunModel(WideConcat(64, 0)), true).call_count, 1);
  EXPECT_GT(LowerModel(RunModel(WideConcat(120, 0)), true).call_count, 1);
}

/// Parts of parts.
TEST(LargeGraphs, ConcatOfMoreThanTheSquareOfFew) {
  const Lowered lowered = LowerModel(RunModel(WideConcat(4200, 0)), true);
  EXPECT_LE(MostReads(lowered.program), 64u);
  EXPECT_LT(lowered.program.kernels.size(), 100u) << "parts of equal shapes share their kernel";
}

TEST(LargeGraphs, ChainsAreCutWhereAPointTakesManyOperations) {
  const Lowered lowered = LowerModel(RunModel(DeepChain(2000)), true);
  EXPECT_LE(LargestPoint(lowered.program), kMaxPointCost);
  EXPECT_GT(lowered.call_count, 1);
  EXPECT_LT(lowered.call_count, 2000 / 20);
}

/// Scalars, and readers of one value, are computed together by the dozen.
TEST(LargeGraphs, ManySiblings) {
  for (const bool scalars : {true, false}) {
    SCOPED_TRACE(scalars);
    const int calls = ExpectSameAsInterpreter(ManySiblings(300, scalars));
    EXPECT_GE(calls, 300 / 12);
    EXPECT_LT(calls, 40);
  }
}

}  // namespace
}  // namespace descent
