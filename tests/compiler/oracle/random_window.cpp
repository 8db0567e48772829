#include "tests/compiler/oracle/random_window.h"

#include <algorithm>
#include <iterator>

namespace descent {
namespace {

constexpr int64_t kKernels[] = {1, 1, 2, 3, 3, 3, 4, 5};
constexpr int64_t kStrides[] = {1, 1, 1, 2, 2, 3};

}  // namespace

int64_t Window::Output(int64_t input) const {
  const int64_t room = input + low + high - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

std::vector<int64_t> Each(const std::vector<Window>& windows, int64_t Window::* field) {
  std::vector<int64_t> numbers;
  for (const Window& window : windows) numbers.push_back(window.*field);
  return numbers;
}

std::vector<int64_t> PaddingOf(const std::vector<Window>& windows) {
  std::vector<int64_t> padding = Each(windows, &Window::low);
  std::ranges::copy(Each(windows, &Window::high), std::back_inserter(padding));
  return padding;
}

Window RandomWindow(int64_t extent, bool strided, std::mt19937_64& random) {
  const auto up_to = [&](int64_t most) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(most + 1));
  };
  Window window{.kernel = kKernels[random() % std::size(kKernels)]};
  if (strided) window.stride = kStrides[random() % std::size(kStrides)];
  if (random() % 6 == 0) window.dilation = 2;
  const int64_t span = window.dilation * (window.kernel - 1);
  if (random() % 4 != 0) {
    window.low = span / 2, window.high = span - span / 2;
  } else {
    window.low = up_to(span);
    window.high = up_to(span);
  }
  if (window.Output(extent) < 1) return {};
  return window;
}

}  // namespace descent
