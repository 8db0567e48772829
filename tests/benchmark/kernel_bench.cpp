#include "tests/benchmark/kernel_bench.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstring>

#include "compiler/kernel/schedule.h"
#include "runtime/bench/machine_peaks.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

void RunKernel(benchmark::State& state, Kernel kernel) {
  const Target& target = NativeTarget();
  Schedule(kernel, target.facts);
  auto jit = JitProgram::Load(ProgramOf(kernel), target);
  if (!jit) return state.SkipWithError(jit.error().message.c_str());
  const descent_entry& entry = jit->program().entries[0];
  const auto aligned = [](int64_t bytes) {
    return std::unique_ptr<std::byte, decltype(&std::free)>(
        static_cast<std::byte*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096 + 4096)),
        &std::free);
  };
  auto scratch = aligned(entry.fixed_scratch_bytes + entry.worker_scratch_bytes);
  std::vector<decltype(scratch)> memory;
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (const KernelParameter& parameter : kernel.parameters) {
    memory.push_back(aligned(parameter.type.bytes()));
    const Tensor value = Pattern(parameter.type, static_cast<int>(memory.size()));
    std::memcpy(memory.back().get(), value.bytes().data(), value.bytes().size());
    if (parameter.written)
      outputs.push_back(memory.back().get());
    else
      inputs.push_back(memory.back().get());
  }
  const descent_call call{nullptr, scratch.get(), inputs.data(), outputs.data(), 0, nullptr};
  for (auto _ : state) benchmark::DoNotOptimize(entry.run(&call));
  state.counters["GFLOP/s"] = benchmark::Counter(static_cast<double>(kernel.flops) * 1e-9,
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

void RunKernelBenchmarks(int argc, char** argv, const std::vector<KernelCase>& cases) {
  for (const KernelCase& c : cases)
    benchmark::RegisterBenchmark(c.name.c_str(), RunKernel, c.kernel)->MinTime(0.2);
  benchmark::Initialize(&argc, argv);
  const auto one = runtime::Executor::Make(1, runtime::BindCaller::kNo);
  fmt::print("target {}, FMA peak of one core {:.1f} GFLOP/s\n", NativeTarget().name,
             runtime::MeasureFmaPeak(**one, 0.2));
  benchmark::RunSpecifiedBenchmarks();
}

}  // namespace descent
