// GFLOP/s of contraction kernels on one core, beside the measured FMA peak: the eight matmuls of a
// training step of a 784-512-512-10 network at batch 128, and convolutions.
//
//   cmake --build build --target contraction_bench && build/bin/contraction_bench

#include "tests/benchmark/kernel_bench.h"
#include "tests/compiler/codegen/contraction_testing.h"

namespace descent {
namespace {

std::vector<KernelCase> Cases() {
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

int main(int argc, char** argv) { descent::RunKernelBenchmarks(argc, argv, descent::Cases()); }
