#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <atomic>
#include <thread>

#include "compiler/codegen/codegen.h"
#include "tests/compiler/codegen/contraction_testing.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

constexpr DType kF32 = DType::kF32, kI64 = DType::kI64;

std::string Text(const Kernel& kernel, const char* target) {
  auto text = EmitLlvmText(ProgramOf(kernel), **ResolveTarget(target));
  return text ? *text : text.error().message;
}

Kernel SigmoidKernel() {
  return ElementwiseKernel("sigmoid", {1000}, {kF32},
                           {Call(ScalarOp::kSigmoid, {ReadScalar(0, kF32)})});
}

TEST(ModuleEmitter, VectorsHaveTheTargetsWidth) {
  EXPECT_NE(Text(SigmoidKernel(), "x86-64-v3").find("load <8 x float>"), std::string::npos);
  EXPECT_NE(Text(SigmoidKernel(), "znver4").find("load <16 x float>"), std::string::npos);
  const Kernel matmul = MatmulKernel({64, 64, 64});
  EXPECT_NE(Text(matmul, "x86-64-v2").find("fmul <4 x float>"), std::string::npos);
  EXPECT_NE(Text(matmul, "x86-64-v3").find("@llvm.fma.v8f32"), std::string::npos);
  EXPECT_NE(Text(matmul, "x86-64-v4").find("@llvm.fma.v16f32"), std::string::npos);
}

/// Names of symbols that the assembly calls or takes from outside.
TEST(ModuleEmitter, NothingIsCalledButTheKernels) {
  for (const char* target : {"x86-64-v2", "x86-64-v3", "x86-64-v4"})
    for (ScalarOp op :
         {ScalarOp::kExp, ScalarOp::kLog, ScalarOp::kTanh, ScalarOp::kSin, ScalarOp::kFloor,
          ScalarOp::kSqrt, ScalarOp::kRound, ScalarOp::kExp2, ScalarOp::kExpm1, ScalarOp::kLog2,
          ScalarOp::kLog1p, ScalarOp::kTan, ScalarOp::kErf, ScalarOp::kErfc, ScalarOp::kFmod,
          ScalarOp::kPow, ScalarOp::kAtan2})
      for (DType dtype : {kF32, DType::kF64}) {
        const std::vector<Scalar> arguments(Info(op).arity, ReadScalar(0, dtype));
        Kernel kernel = ElementwiseKernel("calls", {1000}, {dtype}, {Call(op, arguments)});
        const auto assembly = EmitAssembly(ProgramOf(kernel), **ResolveTarget(target),
                                           {.sanitizer = Sanitizer::kNone});
        ASSERT_TRUE(assembly.has_value());
        for (const char* name : {"malloc", "expf", "logf", "tanhf", "sinf", "floorf", "sqrtf",
                                 "fmaf", "fmodf", "roundeven", "@PLT", "@GOTPCREL"})
          EXPECT_EQ(assembly->find(name), std::string::npos) << name << " for " << target;
      }
}

TEST(ModuleEmitter, ReportsCallsWhereAskedTo) {
  KernelProgram program = ProgramOf(SigmoidKernel());
  program.entries[0].steps.push_back(program.entries[0].steps[0]);
  const auto text = [&](bool reports_calls) {
    return *EmitLlvmText(program, NativeTarget(), {.reports_calls = reports_calls});
  };
  EXPECT_EQ(text(false).find("descent_kernel_done"), std::string::npos);
  EXPECT_NE(text(true).find("call void @descent_kernel_done(i32 0)"), std::string::npos);
  EXPECT_NE(text(true).find("call void @descent_kernel_done(i32 1)"), std::string::npos);
  EXPECT_EQ(text(true).find("call void @descent_kernel_done(i32 2)"), std::string::npos);
}

TEST(ModuleEmitter, ObjectsAreReproducible) {
  const KernelProgram program = ProgramOf(MatmulKernel({33, 65, 17}));
  const auto first = EmitObject(program, NativeTarget());
  const auto second = EmitObject(program, NativeTarget());
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
}

TEST(ModuleEmitter, TableDescribesTheProgram) {
  KernelProgram program = ProgramOf(SigmoidKernel());
  program.name = "a model";
  program.keep_partial_batch = true;
  program.hyperparameters = {{"optimizer.momentum", "0.9"}};
  program.state = {{"w", {kF32, {2, 3}}, DESCENT_SLOT_PARAMETER, true, 64, {1, 0}},
                   {"seed", {kI64, {}}, DESCENT_SLOT_SEED, false, 0}};
  program.state_bytes = 128;
  program.entries[0].batch = 10;
  program.entries[0].arena_bytes = 100;
  program.entries[0].inputs[0].binding.column = "features";
  program.entries[0].inputs[0].binding.normalization = Normalization::kScale;
  program.entries[0].inputs[0].binding.scale = 0.5;
  const std::byte weights[] = {std::byte{1}, std::byte{2}, std::byte{3}};
  auto jit = JitProgram::Load(program, NativeTarget(), {.weights = weights});
  ASSERT_TRUE(jit.has_value()) << jit.error().message;
  const descent_program& p = jit->program();
  EXPECT_EQ(p.abi_version, DESCENT_ABI_VERSION);
  EXPECT_STREQ(p.name, "a model");
  EXPECT_EQ(std::string_view(p.model_hash).size(), 64u);
  EXPECT_EQ(p.target, NativeTarget().name);
  EXPECT_EQ(p.cpu_is_supported(), 1);
  EXPECT_EQ(p.cpu_needs, CpuNeeds(NativeTarget()));
  EXPECT_EQ(p.state_bytes, 128);
  EXPECT_EQ(p.keep_partial_batch, 1);
  ASSERT_EQ(p.slot_count, 2);
  EXPECT_STREQ(p.slots[0].tensor.name, "w");
  EXPECT_EQ(p.slots[0].tensor.rank, 2);
  EXPECT_EQ(p.slots[0].tensor.dims[1], 3);
  EXPECT_EQ(p.slots[0].offset_bytes, 64);
  EXPECT_EQ(p.slots[0].stored_bytes, 24);
  ASSERT_NE(p.slots[0].order, nullptr);
  EXPECT_EQ(p.slots[0].order[0], 1);
  EXPECT_EQ(p.slots[0].order[1], 0);
  EXPECT_EQ(p.slots[1].order, nullptr);
  EXPECT_EQ(p.slots[1].kind, DESCENT_SLOT_SEED);
  ASSERT_EQ(p.hyperparameter_count, 1);
  EXPECT_STREQ(p.hyperparameters[0].value, "0.9");
  ASSERT_EQ(p.weights_bytes, 3);
  EXPECT_EQ(p.weights[2], 3);
  const descent_entry* entry = jit->FindEntry("run");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->batch, 10);
  EXPECT_EQ(entry->kernel_count, 1);
  EXPECT_EQ(entry->arena_bytes, 100);
  EXPECT_EQ(entry->fixed_scratch_bytes, 128);
  ASSERT_EQ(entry->input_count, 1);
  EXPECT_STREQ(entry->inputs[0].column, "features");
  EXPECT_EQ(entry->inputs[0].normalization, DESCENT_NORMALIZE_SCALE);
  EXPECT_EQ(entry->inputs[0].scale, 0.5);
  EXPECT_EQ(jit->FindEntry("train_step"), nullptr);
}

/// Running sums: state[0] accumulates the slices of an input, `reversed` from its end; trace keeps
/// every value.
KernelProgram LoopProgram(bool reversed) {
  KernelProgram program{.name = "loop", .prefix = "loop"};
  Kernel add{.name = "loop_k0_add"};
  const auto scalar = [](bool written) { return KernelParameter{{kF32, {}}, written}; };
  add.parameters = {scalar(false), scalar(true), scalar(true), {{kI64, {}}, false}};
  Stage stage{.axes = {}, .parallel = 0};
  stage.reads = {ReadOf(0, {}), ReadOf(1, {}), ReadOf(3, {})};
  const Scalar counter = Cast(kF32, ReadScalar(2, kI64));
  const Scalar sum =
      Call(ScalarOp::kAdd,
           {ReadScalar(1, kF32),
            Call(ScalarOp::kMul,
                 {ReadScalar(0, kF32), Call(ScalarOp::kAdd, {counter, ConstantScalar(kF32, 1)})})});
  stage.results = {sum};
  stage.stores = {{0, -1, 1, {}}, {0, -1, 2, {}}};
  add.stages = {stage};
  program.kernels = {add};
  EntryProgram entry{.name = "run"};
  entry.buffers = {{.name = "x", .type = {kF32, {5}}, .space = Space::kInput},
                   {.name = "sum", .type = {kF32, {}}, .space = Space::kState, .offset = 64},
                   {.name = "trace", .type = {kF32, {5}}, .space = Space::kOutput},
                   {.name = "i", .type = {kI64, {}}, .space = Space::kArena, .offset = 192}};
  entry.arena_bytes = 200;
  entry.outputs = {{"trace", 2, DESCENT_OUTPUT_VALUE, -1}};
  entry.inputs = {{0, {.name = "x", .type = {kF32, {5}}}, 0}};
  Loop loop{.trip_count = 5, .counter = 3};
  loop.body = {{KernelCall{0, {{0, 4, reversed}, {1, 0, false}, {2, 4, false}, {3, 0, false}}}}};
  entry.steps = {{loop}};
  program.entries = {entry};
  program.state_bytes = 128;
  return program;
}

TEST(ModuleEmitter, LoopsSliceBuffersAndCount) {
  for (bool reversed : {false, true}) {
    auto jit = JitProgram::Load(LoopProgram(reversed), NativeTarget());
    ASSERT_TRUE(jit.has_value()) << jit.error().message;
    const descent_entry& entry = jit->program().entries[0];
    EXPECT_EQ(entry.kernel_count, 5);
    alignas(64) std::byte state[128] = {}, scratch[512] = {};
    const float x[5] = {1, 2, 3, 4, 5};
    float trace[5] = {};
    const void* inputs[] = {x};
    void* outputs[] = {trace};
    const descent_call call{state, scratch, inputs, outputs, 0, nullptr};
    ASSERT_EQ(entry.run(&call), 0u);
    float expected = 0;
    for (int i = 0; i < 5; ++i) {
      expected += x[reversed ? 4 - i : i] * static_cast<float>(i + 1);
      EXPECT_EQ(trace[i], expected);
    }
    EXPECT_EQ(*reinterpret_cast<float*>(state + 64), expected);
  }
}

/// "sum=1 trace=1 sum=5 ..."
void Append(void* self, const descent_value* value, const void* elements) {
  EXPECT_EQ(value->tensor.rank, 0);
  EXPECT_STREQ(value->origin, "");
  EXPECT_STREQ(value->covered, "");
  *static_cast<std::string*>(self) +=
      fmt::format("{}={} ", value->tensor.name, *static_cast<const float*>(elements));
}

TEST(ModuleEmitter, AnObserverSeesWhatIsComputedInItsOrder) {
  KernelProgram program = LoopProgram(false);
  program.entries[0].observable = true;
  std::get<KernelCall>(std::get<Loop>(program.entries[0].steps[0].what).body[0].what).names = {
      .arguments = {"x", "sum", "trace", "i"}, .covered = {}};
  auto jit = JitProgram::Load(program, NativeTarget());
  ASSERT_TRUE(jit.has_value()) << jit.error().message;
  alignas(64) std::byte state[128] = {}, scratch[512] = {};
  const float x[5] = {1, 2, 3, 4, 5};
  float trace[5] = {};
  const void* inputs[] = {x};
  void* outputs[] = {trace};
  std::string seen;
  const descent_observer observer{Append, &seen};
  const descent_call call{state, scratch, inputs, outputs, 0, nullptr, &observer};
  ASSERT_EQ(jit->program().entries[0].run(&call), 0u);
  EXPECT_EQ(seen, "sum=1 trace=1 sum=5 trace=5 sum=14 trace=14 sum=30 trace=30 sum=55 trace=55 ");
}

TEST(ModuleEmitter, ValidRowsAndConstantsAreBuffers) {
  Kernel kernel = ElementwiseKernel("spaces", {3}, {kF32}, {});
  Stage& stage = kernel.stages[0];
  kernel.parameters.push_back({{kI64, {}}, false});
  kernel.parameters.push_back({{kF32, {3}}, true});
  stage.reads.push_back(ReadOf(1, {}));
  stage.results = {Call(ScalarOp::kMul, {ReadScalar(0, kF32), Cast(kF32, ReadScalar(1, kI64))})};
  stage.stores = {{0, -1, 2, {Axis(0)}}};
  KernelProgram program = ProgramOf(kernel);
  const std::vector<double> numbers = {0.5, 1.5, 2.5};
  program.entries[0].buffers[0].space = Space::kConstant;
  program.entries[0].buffers[0].offset =
      program.constants.Add(Tensor::FromDoubles({kF32, {3}}, numbers).bytes());
  program.entries[0].buffers[1].space = Space::kValidRows;
  auto jit = JitProgram::Load(program, NativeTarget());
  ASSERT_TRUE(jit.has_value()) << jit.error().message;
  float result[3] = {};
  void* outputs[] = {result};
  const descent_call call{nullptr, nullptr, nullptr, outputs, 4, nullptr};
  ASSERT_EQ(jit->program().entries[0].run(&call), 0u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(result[i], 4 * (static_cast<float>(i) + 0.5f));
}

/// Flush-to-zero in the caller changes no result and is still set afterwards.
TEST(ModuleEmitter, FloatingPointEnvironmentIsOurs) {
  Kernel kernel =
      ElementwiseKernel("denormals", {9}, {kF32},
                        {Call(ScalarOp::kMul, {ReadScalar(0, kF32), ConstantScalar(kF32, 0.5)})});
  const std::vector<double> x(9, 1e-39);
  const std::vector<Tensor> values = {Tensor::FromDoubles({kF32, {9}}, x),
                                      Tensor::FromDoubles({kF32, {9}}, x)};
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);
  const KernelRun run = RunCompiled(kernel, values);
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(after & 0x8040, 0x8040u);
  EXPECT_GT(run.values[1].GetDouble(0), 0);
}

/// An executor of two threads sees all tiles once, some on each.
TEST(ModuleEmitter, ParallelKernelsGoThroughTheExecutor) {
  struct Counting {
    static void Run(void* self, descent_tile_fn function, void* argument, int64_t tiles) {
      static_cast<Counting*>(self)->tiles += tiles;
      std::thread other([&] { function(argument, 1, tiles / 2, tiles); });
      function(argument, 0, 0, tiles / 2);
      other.join();
    }
    int64_t tiles = 0;
  } counting;
  Kernel kernel = SigmoidKernel();
  Tile(kernel, 64);
  auto jit = JitProgram::Load(ProgramOf(kernel), NativeTarget());
  ASSERT_TRUE(jit.has_value());
  std::vector<float> x(1000, 0.0f), y(1000, -1.0f);
  const void* inputs[] = {x.data()};
  void* outputs[] = {y.data()};
  const descent_executor two{&Counting::Run, &counting, 2}, one{&Counting::Run, &counting, 1};
  descent_call call{nullptr, nullptr, inputs, outputs, 0, &two};
  jit->program().entries[0].run(&call);
  EXPECT_EQ(counting.tiles, 16);
  for (float value : y) EXPECT_EQ(value, 0.5f);
  call.executor = &one;  // one thread: called directly
  jit->program().entries[0].run(&call);
  EXPECT_EQ(counting.tiles, 16);
}

TEST(ModuleEmitter, AProgramForAnotherCpuIsRefused) {
  const Target& v4 = **ResolveTarget("x86-64-v4");
  if (RunningCpuSupports(v4)) {
    auto jit = JitProgram::Load(ProgramOf(SigmoidKernel()), v4);
    ASSERT_TRUE(jit.has_value());
    EXPECT_EQ(jit->program().cpu_is_supported(), 1);
  } else {
    const auto jit = JitProgram::Load(ProgramOf(SigmoidKernel()), v4);
    ASSERT_FALSE(jit.has_value());
    EXPECT_NE(jit.error().message.find("AVX-512"), std::string::npos);
  }
}

}  // namespace
}  // namespace descent
