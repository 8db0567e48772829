// Tensors whose axes lie in memory in another order than they are numbered (descent_slot::order).
//
//   ToRowMajor(slot, state.data() + slot.offset_bytes, values.data());
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/abi.h"

namespace descent::runtime {

/// Whether `order` is null or names each of `rank` axes once.
bool IsAxisOrder(const int32_t* order, int32_t rank);

/// Copies the elements of a slot from the order of memory to that of its tensor, and back. Both
/// sides have slot.stored_bytes and do not overlap.
void ToRowMajor(const descent_slot& slot, const std::byte* stored, std::byte* row_major);
void FromRowMajor(const descent_slot& slot, const std::byte* row_major, std::byte* stored);

/// Where in memory the element with the row-major number `element` lies, in elements.
int64_t PlaceInMemory(const descent_slot& slot, int64_t element);

}  // namespace descent::runtime
