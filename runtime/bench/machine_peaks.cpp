#include "runtime/bench/machine_peaks.h"

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "runtime/bench/clock.h"
#include "runtime/memory.h"

namespace descent::runtime {
namespace {

constexpr int kSteps = 50'000;
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

/// The most that a round of `work` does in a second; a round counts for `amount`.
template <typename Work>
double BestRate(double amount, double seconds, Work work) {
  double best = 0;
  for (const double end = Seconds() + seconds; Seconds() < end;) {
    const double start = Seconds();
    work();
    best = std::max(best, amount / (Seconds() - start));
  }
  return best;
}

}  // namespace

double MeasureFmaPeak(const Executor& executor, double seconds) {
  const bool wide = __builtin_cpu_supports("avx512f");
  std::atomic<float> sink = 0;
  auto chains = [&](int64_t first, int64_t last) {
    for (; first < last; ++first) sink = wide ? Chains512(kSteps) : Chains256(kSteps);
  };
  const double flops = 2.0 * kSteps * kChains * (wide ? 16 : 8) * executor.threads();
  return BestRate(flops, seconds, [&] { executor.Run(executor.threads(), chains); }) / 1e9;
}

double MeasureBandwidth(const Executor& executor, int64_t bytes, double seconds) {
  constexpr int64_t kPieces = 8;            // of a thread
  constexpr int64_t kRoundBytes = 1 << 22;  // so that starting a round doesn't count
  const int64_t pieces = kPieces * executor.threads();
  const int64_t piece = std::max<int64_t>(bytes / 2 / pieces, 64);
  const Block block(2 * pieces * piece);
  if (!block.data()) return 0;
  const int64_t repeats = std::max<int64_t>(kRoundBytes / block.size(), 1);
  auto copy = [&](int64_t first, int64_t last) {
    for (int64_t repeat = 0; repeat < repeats; ++repeat)
      for (int64_t i = first; i < last; ++i)
        std::memcpy(block.data() + (pieces + i) * piece, block.data() + i * piece,
                    static_cast<size_t>(piece));
  };
  const auto moved = static_cast<double>(repeats * block.size());
  return BestRate(moved, seconds, [&] { executor.Run(pieces, copy); }) / 1e9;
}

}  // namespace descent::runtime
