// Values of a compiled program's state slots, whatever order their axes have in memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "compiler/kernel/program.h"
#include "ir/tensor.h"

namespace descent {

/// Calls visit(place, i) with the place in memory of element i, both in bytes, in row-major order.
template <typename Visitor>
void ForEachElement(const StateSlot& slot, const Visitor& visit) {
  const Shape& dims = slot.type.shape;
  const int64_t size = Info(slot.type.dtype).bytes;
  std::vector<int64_t> index(dims.size());
  for (int64_t i = 0; i < slot.type.elements(); ++i) {
    int64_t place = 0;
    for (const int axis : slot.order) place = place * dims[axis] + index[axis];
    visit((slot.order.empty() ? i : place) * size, i * size);
    for (auto axis = std::ssize(dims) - 1; axis >= 0 && ++index[axis] == dims[axis]; --axis)
      index[axis] = 0;
  }
}

inline Tensor ReadSlot(std::span<const std::byte> state, const StateSlot& slot) {
  std::vector<std::byte> values(slot.type.bytes());
  ForEachElement(slot, [&](int64_t place, int64_t i) {
    std::copy_n(state.begin() + slot.offset + place, Info(slot.type.dtype).bytes,
                values.begin() + i);
  });
  return Tensor(slot.type, std::move(values));
}

inline void WriteSlot(std::span<std::byte> state, const StateSlot& slot, const Tensor& value) {
  ForEachElement(slot, [&](int64_t place, int64_t i) {
    std::copy_n(value.bytes().begin() + i, Info(slot.type.dtype).bytes,
                state.begin() + slot.offset + place);
  });
}

}  // namespace descent
