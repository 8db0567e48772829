#include "tests/benchmark/fma_peak.h"

#include <immintrin.h>

#include <algorithm>
#include <ctime>

namespace descent {
namespace {

constexpr int kSteps = 100'000;
constexpr int kChains = 12;  // more than latency times ports

__attribute__((target("avx2,fma"))) float Chains256(int steps) {
  __m256 sums[kChains];
  for (__m256& sum : sums) sum = _mm256_set1_ps(1);
  const __m256 factor = _mm256_set1_ps(0.999f), term = _mm256_set1_ps(0.001f);
  for (int i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < kChains; ++j) sums[j] = _mm256_fmadd_ps(sums[j], factor, term);
  }
  __m256 total = sums[0];
  for (const __m256& sum : sums) total = _mm256_add_ps(total, sum);
  return _mm256_cvtss_f32(total);
}

__attribute__((target("avx512f"))) float Chains512(int steps) {
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_set1_ps(1);
  const __m512 factor = _mm512_set1_ps(0.999f), term = _mm512_set1_ps(0.001f);
  for (int i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < kChains; ++j) sums[j] = _mm512_fmadd_ps(sums[j], factor, term);
  }
  __m512 total = sums[0];
  for (const __m512& sum : sums) total = _mm512_add_ps(total, sum);
  return _mm512_cvtss_f32(total);
}

}  // namespace

double MeasureFmaPeak(int vector_bytes, double seconds) {
  // Time of this thread: what others run beside it does not count.
  const auto since = [](std::clock_t start) {
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  };
  double best = 0;
  volatile float sink = 0;
  for (const auto begin = std::clock(); since(begin) < seconds;) {
    const auto start = std::clock();
    sink = vector_bytes == 64 ? Chains512(kSteps) : Chains256(kSteps);
    const double flops = 2.0 * kSteps * kChains * (vector_bytes / 4);
    best = std::max(best, flops / since(start) / 1e9);
  }
  (void)sink;
  return best;
}

}  // namespace descent
