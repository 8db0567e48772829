// Windows of convolutions and pools, drawn one axis at a time.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace descent {

/// A window along one axis, in elements of it.
struct Window {
  int64_t kernel = 1, stride = 1, dilation = 1, low = 0, high = 0;

  /// How many there are along an axis of `input`; 0 where it is too short.
  int64_t Output(int64_t input) const;
};

/// One field of every window.
std::vector<int64_t> Each(const std::vector<Window>& windows, int64_t Window::* field);
/// The attribute `padding`: all below, then all above.
std::vector<int64_t> PaddingOf(const std::vector<Window>& windows);

/// Fits into an axis of `extent`: mostly one that keeps the extent, but for its stride.
Window RandomWindow(int64_t extent, bool strided, std::mt19937_64& random);

}  // namespace descent
