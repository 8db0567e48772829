// GFLOP/s of contraction kernels on one core, beside the measured FMA peak: the eight matmuls of a
// training step of a 784-512-512-10 network at batch 128, and convolutions.
//
//   cmake --build build --target contraction_bench && build/bin/contraction_bench

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstring>

#include "compiler/kernel/schedule.h"
#include "tests/benchmark/fma_peak.h"
#include "tests/compiler/codegen/contraction_testing.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

struct Case {
  const char* name;
  Kernel kernel;
};

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

std::vector<Case> Cases() {
  const auto matmul = [](int64_t m, int64_t n, int64_t k, bool ta = false, bool tb = false) {
    return MatmulKernel({m, n, k, ta, tb});
  };
  return {{"forward1_128x512x784", matmul(128, 512, 784)},
          {"forward2_128x512x512", matmul(128, 512, 512)},
          {"forward3_128x10x512", matmul(128, 10, 512)},
          {"dX3_128x512x10_NT", matmul(128, 512, 10, false, true)},
          {"dX2_128x512x512_NT", matmul(128, 512, 512, false, true)},
          {"dW1_784x512x128_TN", matmul(784, 512, 128, true)},
          {"dW2_512x512x128_TN", matmul(512, 512, 128, true)},
          {"dW3_512x10x128_TN", matmul(512, 10, 128, true)},
          {"square_1024", matmul(1024, 1024, 1024)},
          {"square_64", matmul(64, 64, 64)},
          {"conv_16x16x28_32_3x3", ConvolutionKernel(16, 16, 28, 32, 3, 1, 1)},
          {"conv_dW_16x16x28_32_3x3", ConvolutionWeightsKernel(16, 16, 28, 32, 3, 1, 1)}};
}

}  // namespace
}  // namespace descent

int main(int argc, char** argv) {
  for (const descent::Case& c : descent::Cases())
    benchmark::RegisterBenchmark(c.name, descent::RunKernel, c.kernel)->MinTime(0.2);
  benchmark::Initialize(&argc, argv);
  const auto& facts = descent::NativeTarget().facts;
  fmt::print("target {}, FMA peak of one core {:.1f} GFLOP/s\n", descent::NativeTarget().name,
             descent::MeasureFmaPeak(static_cast<int>(facts.vector_bytes)));
  benchmark::RunSpecifiedBenchmarks();
}
