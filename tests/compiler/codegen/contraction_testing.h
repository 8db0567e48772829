// Contraction kernels for tests and benchmarks.
#pragma once

#include <cstdint>

#include "compiler/kernel/program.h"

namespace descent {

struct MatmulShape {
  int64_t m, n, k;
  bool transpose_a = false;  ///< a is stored [k, m]
  bool transpose_b = false;  ///< b is stored [n, k]
  int64_t batch = 1;         ///< > 1: all operands have a leading axis
};

/// c = a b, parameters (a, b, c). `schedule` is left to the code generator's defaults.
Kernel MatmulKernel(const MatmulShape& shape, DType dtype = DType::kF32);

/// Adds relu(c + bias[n]) as the epilogue; the bias becomes parameter 3.
void AddBiasRelu(Kernel& kernel, int64_t n);

/// The same sum of factors, parameters 0 and 1, that are bf16 in memory or rounded as they are
/// read.
void RoundFactors(Kernel& kernel, DType lhs, DType rhs);

/// x [images, in, size, size], w [out, in, kernel, kernel] -> [images, out, ...], as guarded reads.
Kernel ConvolutionKernel(int64_t images, int64_t in, int64_t size, int64_t out, int64_t kernel,
                         int64_t stride, int64_t padding);
/// Its gradient to the weights: (x, dy) -> dw.
Kernel ConvolutionWeightsKernel(int64_t images, int64_t in, int64_t size, int64_t out,
                                int64_t kernel, int64_t stride, int64_t padding);

}  // namespace descent
