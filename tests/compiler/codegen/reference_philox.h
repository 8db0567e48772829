// The random word of an element, straight from the definition (docs/design.md, Randomness).
#pragma once

#include <array>
#include <cstdint>

namespace descent {

/// Philox4x32-10.
inline std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter,
                                      std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xd2511f53} * counter[0], b = uint64_t{0xcd9e8d57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key = {key[0] + 0x9e3779b9, key[1] + 0xbb67ae85};
  }
  return counter;
}

inline int64_t ReferencePhilox(int64_t seed, int64_t step, int64_t loop_step, int64_t stream,
                               int64_t index) {
  const auto low = [](int64_t v) { return static_cast<uint32_t>(v); };
  const auto high = [](int64_t v) { return static_cast<uint32_t>(static_cast<uint64_t>(v) >> 32); };
  const auto node =
      Philox({low(step), high(step), low(stream), low(loop_step)}, {low(seed), high(seed)});
  const int64_t counter = 16 * (index / 64) + index % 16;
  return Philox({low(counter), high(counter), 0, 0}, {node[0], node[1]})[(index % 64) / 16];
}

}  // namespace descent
