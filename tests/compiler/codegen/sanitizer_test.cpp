// Faults planted in kernels, each reported by the sanitizer of the preset that this is built in.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

constexpr DType kF32 = DType::kF32;

/// y[i + shift] = -x[i] for i < n; with a shift the last element lies behind y.
Kernel NegationKernel(int64_t n, int64_t shift) {
  Kernel kernel =
      ElementwiseKernel("negation", {n}, {kF32}, {Call(ScalarOp::kNeg, {ReadScalar(0, kF32)})});
  kernel.stages[0].stores[0].coordinates = {Axis(0) + ConstantIndex(shift)};
  return kernel;
}

class SanitizerTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

#if defined(DESCENT_SANITIZE_ADDRESS)

TEST_F(SanitizerTest, ReportsAWriteBehindAnOutput) {
  const Kernel kernel = NegationKernel(17, 1);
  EXPECT_DEATH(RunCompiled(kernel, Patterns(kernel)), "heap-buffer-overflow");
}

TEST_F(SanitizerTest, ReportsAReadBehindAnInput) {
  Kernel kernel = NegationKernel(17, 0);
  kernel.stages[0].reads[0].coordinates = {Axis(0) + ConstantIndex(1)};
  EXPECT_DEATH(RunCompiled(kernel, Patterns(kernel)), "heap-buffer-overflow");
}

/// Two calls, input -> arena -> output; the arena holds more than the one buffer.
KernelRun RunThroughArena(int64_t shift) {
  const Kernel kernel = NegationKernel(16, shift);
  KernelProgram program = ProgramOf(kernel);
  program.kernels.push_back(NegationKernel(16, 0));
  program.kernels[1].name = "test_second";
  EntryProgram& entry = program.entries[0];
  entry.arena_bytes = 192;
  entry.buffers.push_back({.name = "between", .type = kernel.parameters[0].type, .offset = 64});
  entry.steps.clear();
  entry.steps.push_back({KernelCall{.kernel = 0, .arguments = {{0}, {2}}}});
  entry.steps.push_back({KernelCall{.kernel = 1, .arguments = {{2}, {1}}}});
  const auto jit = JitProgram::Load(program, NativeTarget());
  DESCENT_CHECK(jit.has_value(), jit.error().message);
  return RunCompiled(jit->program(), kernel, Patterns(kernel), 0);
}

TEST_F(SanitizerTest, ReportsAWriteIntoTheGapsOfTheArena) {
  const KernelRun good = RunThroughArena(0);
  EXPECT_EQ(good.values[0], good.values[1]);
  EXPECT_DEATH(RunThroughArena(1), "use-after-poison");
  EXPECT_DEATH(RunThroughArena(-1), "use-after-poison");
}

#elif defined(DESCENT_SANITIZE_THREAD)

/// Tiles of which each writes its own row of y, or all the same one.
Kernel RowsKernel(bool races) {
  Kernel kernel =
      ElementwiseKernel("rows", {64, 1024}, {kF32}, {Call(ScalarOp::kNeg, {ReadScalar(0, kF32)})});
  if (races) kernel.stages[0].stores[0].coordinates[0] = ConstantIndex(0);
  Tile(kernel, 1);
  return kernel;
}

TEST_F(SanitizerTest, ReportsARaceBetweenTiles) {
  const auto run = [](bool races) {
    const Kernel kernel = RowsKernel(races);
    // On a busy machine one worker may take all tiles of a call, and then nothing races.
    const int repeats = races ? 200 : 20;
    for (int repeat = 0; repeat < repeats; ++repeat) RunCompiled(kernel, Patterns(kernel), 4);
    std::exit(0);
  };
  constexpr int kReported = 66;
  EXPECT_EXIT(run(true), testing::ExitedWithCode(kReported), "data race");
  EXPECT_EXIT(run(false), testing::ExitedWithCode(0), "");
}

#endif

}  // namespace
}  // namespace descent
