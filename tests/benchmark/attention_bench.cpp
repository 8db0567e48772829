// GFLOP/s of attention kernels on one core, beside the measured FMA peak: forward and both sweeps
// of the gradient, 8 heads of width 64.
//
//   cmake --build build --target attention_bench && build/bin/attention_bench

#include <fmt/format.h>

#include "compiler/kernel/attention.h"
#include "tests/benchmark/kernel_bench.h"

namespace descent {
namespace {

constexpr int64_t kHeads = 8, kWidth = 64;

std::vector<KernelCase> CasesOf(int64_t length, bool causal) {
  const TensorType rows{DType::kF32, {kHeads, length, kWidth}}, row{DType::kF32, {kHeads, length}};
  const std::vector<TensorType> forward = {rows, rows, rows};
  const std::vector<TensorType> backward = {rows, rows, rows, row, rows, row};
  const Attributes attributes = {{"causal", causal}, {"scale", 0.0}};
  const auto gradient = [&](AttentionSweep sweep) {
    return MakeAttentionGradient({backward, attributes}, sweep, {0, 1, 2, 3, 4, 5}, {6, 7}).kernel;
  };
  const std::string suffix = fmt::format("_{}{}", length, causal ? "_causal" : "");
  return {{"forward" + suffix, MakeAttention({forward, attributes}, {0, 1, 2}, {6, 7}).kernel},
          {"dq" + suffix, gradient(AttentionSweep::kQueryGradient)},
          {"dk_dv" + suffix, gradient(AttentionSweep::kKeyGradient)}};
}

std::vector<KernelCase> Cases() {
  std::vector<KernelCase> cases;
  for (const bool causal : {false, true})
    for (const int64_t length : {64, 256, 1024})
      for (KernelCase& c : CasesOf(length, causal)) {
        c.kernel.name = "attention";
        cases.push_back(std::move(c));
      }
  return cases;
}

}  // namespace
}  // namespace descent

int main(int argc, char** argv) { descent::RunKernelBenchmarks(argc, argv, descent::Cases()); }
