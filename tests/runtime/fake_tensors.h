// Further tensors in the state of the fake program, of other types and ranks, whose axes lie in
// memory in the order of the tensor or in another.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/abi.h"

namespace descent::runtime {

enum class FakeTensors {
  kNone,
  kInOrder,   ///< row-major
  kPermuted,  ///< the same values, other orders of axes
};

/// Their part of the state block.
struct FakeTensorState {
  alignas(64) float filter[4 * 3 * 2 * 5];      ///< [4, 3, 2, 5]
  alignas(64) double filter_moment[4 * 1 * 3];  ///< [4, 1, 3]
  alignas(64) uint8_t mask[67 * 70];            ///< [67, 70]
  alignas(64) float bias[7];                    ///< [1, 7, 1, 1]
};

/// "filter", "filter.moment", "mask", "bias"; `offset` is that of their part in the block.
std::span<const descent_slot> FakeTensorSlots(FakeTensors tensors, int64_t offset);

/// First values, other ones for each element.
void InitializeFakeTensors(FakeTensors tensors, int64_t seed, FakeTensorState* state);
/// Changes each element by what it was, the step and its place in the tensor.
void StepFakeTensors(FakeTensors tensors, int64_t step, FakeTensorState* state);

}  // namespace descent::runtime
