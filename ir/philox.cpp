#include "ir/philox.h"

namespace descent {
namespace {

uint32_t Low(int64_t value) { return static_cast<uint32_t>(value); }
uint32_t High(int64_t value) { return static_cast<uint32_t>(static_cast<uint64_t>(value) >> 32); }

}  // namespace

PhiloxCounter Philox4x32(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

PhiloxKey RandomKey(int64_t seed, int64_t step, int64_t loop_step, int64_t stream) {
  const PhiloxCounter words =
      Philox4x32({Low(step), High(step), Low(stream), Low(loop_step)}, {Low(seed), High(seed)});
  return {words[0], words[1]};
}

uint32_t RandomWord(PhiloxKey key, int64_t index) {
  const int64_t counter = 16 * (index / 64) + index % 16;
  return Philox4x32({Low(counter), High(counter), 0, 0}, key)[index % 64 / 16];
}

}  // namespace descent
