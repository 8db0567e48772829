// Limits of what is read: they hold before anything is allocated, in every form of file.
#pragma once

#include <cstddef>
#include <cstdint>

namespace descent {

/// protobuf's own limit, so a model has all three forms or none.
inline constexpr size_t kMaxModelBytes = (size_t{1} << 31) - 1;
inline constexpr size_t kMaxNameBytes = 1000;
inline constexpr int64_t kMaxNodes = 1 << 20;
/// Bodies in bodies; recursion over graphs is never deeper.
inline constexpr int kMaxBodyDepth = 16;
/// All constants of a text that are written as one number for every element.
inline constexpr int64_t kMaxRepeatedBytes = int64_t{1} << 28;

}  // namespace descent
