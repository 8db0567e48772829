#include "runtime/bench/made_up_input.h"

#include <cmath>
#include <cstring>

#include "runtime/dtype.h"

namespace descent::runtime {
namespace {

/// In [lowest, highest], of which an end may be infinite.
double InRange(double lowest, double highest, RandomSequence& random) {
  if (std::isfinite(lowest) && std::isfinite(highest)) return random.Uniform(lowest, highest);
  const double distance = std::abs(random.Normal(0, 1));
  return std::isfinite(lowest) ? lowest + distance : highest - distance;
}

double Draw(const descent_input& input, RandomSequence& random) {
  const bool is_float = IsFloat(input.tensor.dtype);
  if (input.index_limit > 0) return static_cast<double>(random.Below(input.index_limit));
  if ((input.lowest == 0 && input.highest == 0) ||
      (std::isinf(input.lowest) && std::isinf(input.highest)))
    return is_float ? random.Normal(0, 1) : static_cast<double>(random.Below(2));
  const double value = InRange(input.lowest, input.highest, random);
  return is_float ? value : std::floor(value);
}

}  // namespace

void MakeUp(const descent_input& input, RandomSequence& random, std::byte* to) {
  Visit(input.tensor.dtype, [&]<typename T>() {
    for (int64_t i = 0; i < ElementCount(input.tensor); ++i, to += sizeof(T)) {
      const auto value = static_cast<T>(Draw(input, random));
      std::memcpy(to, &value, sizeof(T));
    }
  });
}

}  // namespace descent::runtime
