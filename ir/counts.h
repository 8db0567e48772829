// Arithmetic of counts, none of which is negative.
#pragma once

#include <cstdint>
#include <limits>

namespace descent {

/// How many parts of `part` > 0 hold `whole`.
inline int64_t CeilDiv(int64_t whole, int64_t part) { return (whole + part - 1) / part; }

/// The smallest multiple of `part` > 0 that is not below `whole`.
inline int64_t RoundUp(int64_t whole, int64_t part) { return CeilDiv(whole, part) * part; }

/// Stops at the largest number instead of wrapping around: loops in loops multiply.
inline int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

inline int64_t SaturatingMultiply(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<int64_t>::max() : product;
}

}  // namespace descent
