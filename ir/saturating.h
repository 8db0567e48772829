// Counts that stop at the largest number instead of wrapping around: loops in loops multiply.
#pragma once

#include <cstdint>
#include <limits>

namespace descent {

/// Of numbers that are not negative.
inline int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

/// Of numbers that are not negative.
inline int64_t SaturatingMultiply(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<int64_t>::max() : product;
}

}  // namespace descent
