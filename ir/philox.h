// The counter-based random numbers of every random operator.
//
// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC
// 2011.
#pragma once

#include <array>
#include <cstdint>

namespace descent {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

PhiloxCounter Philox4x32(PhiloxCounter counter, PhiloxKey key);

/// Key of a random node: the first two words at key = seed, counter = (step low, step high, stream,
/// loop step).
PhiloxKey RandomKey(int64_t seed, int64_t step, int64_t loop_step, int64_t stream);

/// Word of the element with row-major index i: word (i mod 64) / 16 at counter 16 * (i / 64) + i
/// mod 16.
uint32_t RandomWord(PhiloxKey key, int64_t index);

}  // namespace descent
