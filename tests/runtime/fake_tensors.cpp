#include "tests/runtime/fake_tensors.h"

#include <cmath>
#include <cstddef>
#include <vector>

namespace descent::runtime {
namespace {

constexpr int64_t kFilter[] = {4, 3, 2, 5}, kMoment[] = {4, 1, 3}, kMask[] = {67, 70},
                  kBias[] = {1, 7, 1, 1};
constexpr int32_t kFilterOrder[] = {2, 3, 1, 0}, kMomentOrder[] = {2, 1, 0}, kMaskOrder[] = {1, 0},
                  kBiasOrder[] = {3, 1, 0, 2};

std::vector<descent_slot> MakeSlots(bool permuted, int64_t offset) {
  const auto slot = [&](descent_tensor tensor, int32_t kind, size_t at, size_t bytes,
                        const int32_t* order) {
    return descent_slot{.tensor = tensor,
                        .kind = kind,
                        .trainable = kind == DESCENT_SLOT_PARAMETER,
                        .offset_bytes = offset + static_cast<int64_t>(at),
                        .stored_bytes = static_cast<int64_t>(bytes),
                        .order = permuted ? order : nullptr};
  };
  using State = FakeTensorState;
  return {slot({"filter", DESCENT_F32, 4, kFilter}, DESCENT_SLOT_PARAMETER, offsetof(State, filter),
               sizeof(State::filter), kFilterOrder),
          slot({"filter.moment", DESCENT_F64, 3, kMoment}, DESCENT_SLOT_OPTIMIZER,
               offsetof(State, filter_moment), sizeof(State::filter_moment), kMomentOrder),
          slot({"mask", DESCENT_U8, 2, kMask}, DESCENT_SLOT_STATISTIC, offsetof(State, mask),
               sizeof(State::mask), kMaskOrder),
          slot({"bias", DESCENT_F32, 4, kBias}, DESCENT_SLOT_PARAMETER, offsetof(State, bias),
               sizeof(State::bias), kBiasOrder)};
}

/// Calls visit(value, i) for every element: i is its row-major number. Written out, so that the
/// runtime's own conversions are compared with something else.
template <typename Visitor>
void ForEach(bool permuted, FakeTensorState* state, const Visitor& visit) {
  int64_t i = 0;
  for (int64_t o = 0; o < 4; ++o)
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t h = 0; h < 2; ++h)
        for (int64_t w = 0; w < 5; ++w, ++i)
          visit(state->filter[permuted ? ((h * 5 + w) * 3 + c) * 4 + o : i], i);
  i = 0;
  for (int64_t a = 0; a < 4; ++a)
    for (int64_t b = 0; b < 3; ++b, ++i) visit(state->filter_moment[permuted ? b * 4 + a : i], i);
  i = 0;
  for (int64_t a = 0; a < 67; ++a)
    for (int64_t b = 0; b < 70; ++b, ++i) visit(state->mask[permuted ? b * 67 + a : i], i);
  for (i = 0; i < 7; ++i) visit(state->bias[i], i);
}

}  // namespace

std::span<const descent_slot> FakeTensorSlots(FakeTensors tensors, int64_t offset) {
  static const std::vector<descent_slot> kInOrder = MakeSlots(false, offset),
                                         kPermuted = MakeSlots(true, offset);
  if (tensors == FakeTensors::kNone) return {};
  return tensors == FakeTensors::kPermuted ? kPermuted : kInOrder;
}

void InitializeFakeTensors(FakeTensors tensors, int64_t seed, FakeTensorState* state) {
  if (tensors == FakeTensors::kNone) return;
  ForEach(tensors == FakeTensors::kPermuted, state, [&]<typename T>(T& value, int64_t i) {
    value = static_cast<T>(40 + 30 * std::sin(static_cast<double>(seed + 3 * i)));
  });
}

void StepFakeTensors(FakeTensors tensors, int64_t step, FakeTensorState* state) {
  if (tensors == FakeTensors::kNone) return;
  ForEach(tensors == FakeTensors::kPermuted, state, [&]<typename T>(T& value, int64_t i) {
    value =
        static_cast<T>(0.75 * static_cast<double>(value) + static_cast<double>((step + i) % 11));
  });
}

}  // namespace descent::runtime
