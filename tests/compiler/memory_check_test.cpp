// Faults planted in kernels and plans, each found and named; and sample models, in which nothing
// is. The oracle's random graphs and networks run under the check, too (option "guards").
#include "compiler/memory_check.h"

#include <gtest/gtest.h>

#include "runtime/memory.h"
#include "tests/compiler/codegen/kernel_testing.h"
#include "tests/compiler/kernel/lowered_models.h"
#include "tests/compiler/kernel/lowering_harness.h"
#include "tests/compiler/oracle/compiled_case.h"

namespace descent {
namespace {

constexpr DType kF32 = DType::kF32;
constexpr int64_t kCount = 32;

/// y[i + shift] = -x[i + ahead]
Kernel NegationKernel(const std::string& name, int64_t shift = 0, int64_t ahead = 0) {
  Kernel kernel =
      ElementwiseKernel(name, {kCount}, {kF32}, {Call(ScalarOp::kNeg, {ReadScalar(0, kF32)})});
  kernel.stages[0].stores[0].coordinates = {Axis(0) + ConstantIndex(shift)};
  kernel.stages[0].reads[0].coordinates = {Axis(0) + ConstantIndex(ahead)};
  return kernel;
}

/// x -> between (in the arena) -> y; the kernels are `first` and one without a fault.
KernelProgram TwoCalls(const Kernel& first) {
  KernelProgram program = ProgramOf(first);
  program.guard_bytes = kGuardBytes;
  program.state_bytes = kGuardBytes;
  program.kernels.push_back(NegationKernel("second"));
  EntryProgram& entry = program.entries[0];
  entry.buffers.push_back({.name = "between", .type = {kF32, {kCount}}});
  entry.steps.clear();
  entry.steps.push_back(
      {KernelCall{.kernel = 0, .arguments = {{0}, {2}}, .names = {.arguments = {"x", "between"}}}});
  entry.steps.push_back(
      {KernelCall{.kernel = 1, .arguments = {{2}, {1}}, .names = {.arguments = {"between", "y"}}}});
  PlanMemory(entry, program.kernels, Packing::kSmallest, program.guard_bytes);
  return program;
}

/// What the check of one call finds, or "".
std::string FindingOf(const KernelProgram& program, const descent_executor* executor = nullptr) {
  MemoryCheck check(program, NativeTarget());
  const auto jit = JitProgram::Load(program, NativeTarget(), {}, &check.hooks());
  DESCENT_CHECK(jit.has_value(), jit.error().message);
  const descent_entry& entry = jit->program().entries[0];
  const int threads = executor != nullptr ? executor->threads : 1;
  const runtime::Block state(program.state_bytes);
  const runtime::Block scratch(entry.fixed_scratch_bytes + threads * entry.worker_scratch_bytes);
  GuardedBytes x(kCount * 4, program.guard_bytes), y(kCount * 4, program.guard_bytes);
  const Tensor values = Pattern({kF32, {kCount}}, 1);
  std::ranges::copy(values.bytes(), x.data());
  const void* inputs[] = {x.data()};
  void* outputs[] = {y.data()};
  const descent_call call{.state = state.data(),
                          .scratch = scratch.data(),
                          .inputs = inputs,
                          .outputs = outputs,
                          .valid_rows = 0,
                          .executor = executor,
                          .observer = nullptr};
  for (const MemoryCheck::Round round : MemoryCheck::kRounds) {
    check.Begin(0, {state.data(), scratch.data(), {x.data()}, {y.data()}, threads}, round);
    EXPECT_EQ(entry.run(&call), 0u);
    check.End();
  }
  const auto verdict = check.Verdict();
  if (verdict) return "";
  EXPECT_EQ(verdict.error().status, ExitStatus::kInternal);
  return verdict.error().message;
}

TEST(MemoryCheck, FindsNothingInGoodKernels) {
  EXPECT_EQ(FindingOf(TwoCalls(NegationKernel("first"))), "");
}

// The sanitizer ends the process where it finds what is planted here.
#if !defined(DESCENT_SANITIZE_ADDRESS)

TEST(MemoryCheck, NamesTheKernelThatWritesBehindABuffer) {
  EXPECT_EQ(FindingOf(TwoCalls(NegationKernel("first", 1))),
            "kernel test_first (between) writes outside of its buffers: 4 bytes changed, the "
            "nearest 0 bytes "
            "behind the end of buffer 'between'");
  EXPECT_EQ(FindingOf(TwoCalls(NegationKernel("first", 1000))),
            "kernel test_first (between) writes outside of its buffers: 128 bytes changed, the "
            "nearest 3872 "
            "bytes behind the end of buffer 'between'");
}

TEST(MemoryCheck, NamesTheKernelThatWritesBeforeABuffer) {
  EXPECT_EQ(FindingOf(TwoCalls(NegationKernel("first", -2))),
            "kernel test_first (between) writes outside of its buffers: 8 bytes changed, the "
            "nearest 0 bytes "
            "before the start of buffer 'between'");
}

TEST(MemoryCheck, FindsWritesAroundOutputs) {
  KernelProgram program = TwoCalls(NegationKernel("first"));
  program.kernels[1] = NegationKernel("second", 3);
  EXPECT_EQ(FindingOf(program),
            "kernel test_second (y) writes outside of its buffers: 12 bytes changed, the nearest 0 "
            "bytes behind the end of output 'p1'");
}

/// Nothing is wrong with the kernel, but with the place that it is given.
TEST(MemoryCheck, FindsABufferThatIsPlannedTooSmall) {
  KernelProgram program = TwoCalls(NegationKernel("first"));
  program.entries[0].buffers[2].type.shape = {kCount - 3};
  EXPECT_EQ(
      FindingOf(program),
      "kernel test_first (between) writes outside of its buffers: 12 bytes changed, the nearest 0 "
      "bytes behind the end of buffer 'between'");
}

/// A tensor of the state, between others.
TEST(MemoryCheck, FindsWritesAroundState) {
  KernelProgram program = TwoCalls(NegationKernel("first", 2));
  for (const int number : {0, 1, 2}) {
    const int64_t offset = program.state_bytes;
    program.state.push_back(
        {.name = "s" + std::to_string(number), .type = {kF32, {kCount}}, .offset = offset});
    program.state_bytes += Aligned(kCount * 4) + kGuardBytes;
  }
  Buffer& between = program.entries[0].buffers[2];
  between.space = Space::kState;
  between.offset = program.state[1].offset;
  EXPECT_EQ(FindingOf(program),
            "kernel test_first (between) writes outside of its buffers: 8 bytes changed, the "
            "nearest 0 bytes "
            "behind the end of state 's1'");
}

/// y = -x by way of a local of `room` elements for each iteration of the outer loop.
Kernel KernelWithLocal(int64_t room, int64_t ahead) {
  Kernel kernel{.name = "test_local", .outer = {1}};
  kernel.parameters = {{{kF32, {kCount}}, false}, {{kF32, {kCount}}, true}};
  kernel.locals = {{kF32, {room}}};
  const Scalar value = ReadScalar(0, kF32);
  Stage first{.axes = {kCount}, .parallel = 1, .results = {Call(ScalarOp::kNeg, {value})}};
  first.reads = {ReadOf(0, {Axis(1)})};
  first.stores = {{.result = 0, .local = 0}};
  Stage second{.axes = {kCount}, .parallel = 1, .results = {value}};
  second.reads = {{Source::kLocal, 0, {Axis(1) + ConstantIndex(ahead)}, {}, nullptr}};
  second.stores = {{.result = 0, .parameter = 1, .coordinates = {Axis(1)}}};
  kernel.stages = {first, second};
  return kernel;
}

TEST(MemoryCheck, FindsWritesBehindAWorkersScratch) {
  EXPECT_EQ(FindingOf(TwoCalls(KernelWithLocal(kCount, 0))), "");
  const Kernel small = KernelWithLocal(kCount / 2, 0);
  ASSERT_EQ(WorkerScratchBytes(small, NativeTarget()), kCount * 2);
  EXPECT_EQ(FindingOf(TwoCalls(small)),
            "kernel test_local (between) writes outside of its buffers: 64 bytes changed, the "
            "nearest 0 bytes "
            "behind the end of scratch of worker 0");
}

TEST(MemoryCheck, FindsReadsThatReachAValue) {
  for (const Kernel& kernel : {NegationKernel("first", 0, 1), NegationKernel("first", 0, -1),
                               NegationKernel("first", 0, 7), KernelWithLocal(kCount, 1)})
    EXPECT_EQ(FindingOf(TwoCalls(kernel)),
              "value 'between', which kernel " + kernel.name +
                  " completes, depends on memory that no operand of its kernels holds");
}

/// A plan that lets a kernel read what nobody has written.
TEST(MemoryCheck, FindsReadsOfWhatIsNotThereYet) {
  KernelProgram program = TwoCalls(NegationKernel("first"));
  std::swap(program.entries[0].steps[0], program.entries[0].steps[1]);
  EXPECT_NE(FindingOf(program), "");
}

/// Found although the value goes on as a whole number, which nobody is shown.
TEST(MemoryCheck, FindsReadsThatReachAnOutputOfIntegers) {
  constexpr DType kI32 = DType::kI32;
  Kernel kernel = ElementwiseKernel("whole", {kCount}, {kI32}, {ReadScalar(0, kI32)});
  kernel.stages[0].reads[0].coordinates = {Axis(0) + ConstantIndex(1)};
  KernelProgram program = ProgramOf(kernel);
  program.guard_bytes = kGuardBytes;
  EXPECT_EQ(FindingOf(program),
            "output 'p1' depends on memory that no operand of its kernels holds");
}

/// A read whose value is not used is none that the check could find.
TEST(MemoryCheck, DoesNotFindReadsThatReachNothing) {
  Kernel kernel = NegationKernel("first", 0, 1);
  kernel.stages[0].results = {
      Call(ScalarOp::kSelect,
           {Call(ScalarOp::kLt, {IndexScalar(Axis(0)), ConstantInt(DType::kI64, kCount - 1)}),
            ReadScalar(0, kF32), ConstantScalar(kF32, 0)})};
  EXPECT_EQ(FindingOf(TwoCalls(kernel)), "");
}

#else

TEST(MemoryCheckDeathTest, SanitizerFindsZonesPoisoned) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(FindingOf(TwoCalls(NegationKernel("first", 1))), "use-after-poison");
  EXPECT_DEATH(FindingOf(TwoCalls(NegationKernel("first", 0, 1))), "use-after-poison");
}

#endif

// ---- models ------------------------------------------------------------------------------------

class CheckedModels : public testing::TestWithParam<ModelSample> {};

/// The values of inputs and state are made up.
TEST_P(CheckedModels, TouchNoMemoryButTheirOwn) {
  const Model model = OptimizedModel(GetParam().text, GetParam().entry);
  for (const bool fuse : {true, false}) {
    OptionSet options;
    options.guards = options.winograd = true;
    options.fuse = fuse;
    options.small_tiles = options.small_caches = !fuse;
    options.threads = fuse ? 1 : 0;
    const auto compiled = CompiledCase::Make(model, options);
    ASSERT_TRUE(compiled) << compiled.error().ToString();
    NamedTensors values;
    uint64_t seed = 7;
    for (const NamedValue& input : model.graph.inputs())
      values.emplace(input.name, RandomTensor(model.graph.type(input.value), seed++));
    values = WithSystemValues(std::move(values));
    EXPECT_EQ(compiled->Run(values).memory, "") << ToString(options);
  }
}

INSTANTIATE_TEST_SUITE_P(MemoryCheck, CheckedModels, testing::ValuesIn(ModelSamples()),
                         [](const auto& sample) { return std::string(sample.param.name); });

}  // namespace
}  // namespace descent
