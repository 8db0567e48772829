#include "frontends/onnx/sha1.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdint>

namespace descent::onnx {
namespace {

using State = std::array<uint32_t, 5>;
constexpr size_t kBlockBytes = 64;

/// The function of 20 rounds and the constant that is added in them.
struct Phase {
  uint32_t (*f)(uint32_t, uint32_t, uint32_t);
  uint32_t constant;
};
constexpr Phase kPhases[] = {
    {[](uint32_t b, uint32_t c, uint32_t d) { return (b & c) ^ (~b & d); }, 0x5a827999},
    {[](uint32_t b, uint32_t c, uint32_t d) { return b ^ c ^ d; }, 0x6ed9eba1},
    {[](uint32_t b, uint32_t c, uint32_t d) { return (b & c) ^ (b & d) ^ (c & d); }, 0x8f1bbcdc},
    {[](uint32_t b, uint32_t c, uint32_t d) { return b ^ c ^ d; }, 0xca62c1d6}};
constexpr int kRounds = 20;  ///< of a phase

void Absorb(State& state, const char* block) {
  uint32_t w[80];
  for (int i = 0; i < 16; ++i) {
    w[i] = 0;
    for (int j = 0; j < 4; ++j) w[i] = w[i] << 8 | static_cast<uint8_t>(block[4 * i + j]);
  }
  for (int i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  auto [a, b, c, d, e] = state;
  const uint32_t* word = w;
  for (const Phase& phase : kPhases) {
    for (int i = 0; i < kRounds; ++i) {
      const uint32_t next = std::rotl(a, 5) + phase.f(b, c, d) + e + phase.constant + *word++;
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
  }
  const State worked = {a, b, c, d, e};
  for (size_t i = 0; i < state.size(); ++i) state[i] += worked[i];
}

}  // namespace

std::string Sha1Hex(std::string_view bytes) {
  State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const size_t whole = bytes.size() / kBlockBytes * kBlockBytes;
  for (size_t i = 0; i < whole; i += kBlockBytes) Absorb(state, bytes.data() + i);
  // Padding: a one bit, zeros, the length in bits as 64 bits.
  std::string tail(bytes.substr(whole));
  tail += '\x80';
  while (tail.size() % kBlockBytes != kBlockBytes - 8) tail += '\0';
  for (int shift = 56; shift >= 0; shift -= 8)
    tail += static_cast<char>(static_cast<uint64_t>(bytes.size()) * 8 >> shift);
  for (size_t i = 0; i < tail.size(); i += kBlockBytes) Absorb(state, tail.data() + i);
  std::string hex;
  for (const uint32_t word : state) hex += fmt::format("{:08x}", word);
  return hex;
}

}  // namespace descent::onnx
