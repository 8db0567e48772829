// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC
// 2011): randomness as a pure function of (key, counter), so nothing has to be stored to resume.
//
//   RandomSequence random(seed, RandomUse::kEpochOrder, epoch);
//   int64_t i = random.Below(n);
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace descent::runtime {

inline std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 2> key,
                                          std::array<uint32_t, 4> counter) {
  for (int round = 0; round < 10; ++round) {
    uint64_t a = uint64_t{0xD2511F53} * counter[0];
    uint64_t b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// What numbers are drawn for; keeps the sequences of one seed apart. The values are part of what a
/// seed means: they never change.
enum class RandomUse : uint32_t {
  kEpochOrder = 0xDA7A0001,
  kValidationSplit = 0xDA7A0002,
  kTestSplit = 0xDA7A0003,
  kGenerator = 0xDA7A0004,
  kHoldOut = 0xDA7A0005,
};

/// The words of Philox at counters (0, use, index low, index high), (1, ...), ...
class RandomSequence {
 public:
  RandomSequence(int64_t seed, RandomUse use, int64_t index = 0)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(static_cast<uint64_t>(seed) >> 32)},
        counter_{0, static_cast<uint32_t>(use), static_cast<uint32_t>(index),
                 static_cast<uint32_t>(static_cast<uint64_t>(index) >> 32)} {}

  uint32_t Word() {
    if (used_ == 4) {
      words_ = Philox4x32(key_, counter_);
      ++counter_[0];
      used_ = 0;
    }
    return words_[used_++];
  }
  uint64_t Word64() {
    uint64_t high = Word();
    return high << 32 | Word();
  }

  /// Uniform in [0, n). The bias is below n / 2^64.
  int64_t Below(int64_t n) {
    return static_cast<int64_t>(
        static_cast<unsigned __int128>(Word64()) * static_cast<uint64_t>(n) >> 64);
  }
  /// Uniform in [low, high) on a grid of 2^53 points.
  double Uniform(double low, double high) {
    return low + (high - low) * (static_cast<double>(Word64() >> 11) * 0x1p-53);
  }
  /// Marsaglia's polar method.
  double Normal(double mean, double variance) {
    double a, b, s;
    do {
      a = Uniform(-1, 1);
      b = Uniform(-1, 1);
      s = a * a + b * b;
    } while (s > 1 || s == 0);
    return mean + std::sqrt(variance) * std::sqrt(-2 * std::log(s) / s) * a;
  }

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> words_ = {};
  int used_ = 4;
};

}  // namespace descent::runtime
