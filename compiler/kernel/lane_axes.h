// Lane axes: which axes of a computation belong on the vector lanes, so that they should lie side
// by side in all that it reads and makes.
//
// Where a window slides over an image, [row, channel, y, x], neighbours along y and x have
// different neighbours themselves, but all channels are treated alike; in a convolution, the
// channels of the result are.
#pragma once

#include <optional>
#include <vector>

#include "compiler/kernel/contraction.h"
#include "compiler/kernel/region.h"
#include "ir/index_map.h"

namespace descent {

/// Memory axis i is axis order[i] of the value.
using AxisOrder = std::vector<int>;

AxisOrder UnchangedOrder(size_t rank);
bool IsUnchanged(const AxisOrder& order);
template <typename T>
std::vector<T> Permuted(const std::vector<T>& values, const AxisOrder& order) {
  std::vector<T> result;
  for (const int axis : order) result.push_back(values[axis]);
  return result;
}
/// Axis order[i] of the computation becomes axis i.
void PermuteAxes(Computation& computation, const AxisOrder& order);

/// Extents but those of 1, and where they stand.
Shape LongExtents(const Shape& shape);
std::vector<int> LongAxes(const Shape& shape);

struct LaneAxes {
  int channel = -1;  ///< of the operand that a window slides over
  int result = -1;   ///< of the result and the other operand, in a contraction

  int Rank(const Index& index) const;
  /// That in which a tensor with these coordinates has them last, `result` behind `channel`.
  AxisOrder OrderOf(const std::vector<Index>& coordinates) const;
};

/// Coordinates of a read along the long axes of its tensor.
std::vector<Index> OwnCoordinates(const TensorTable& tensors, const Computation& computation,
                                  const TensorRead& read);
/// Does some coordinate move with axes of both kinds, summed ones and others?
bool Slides(const std::vector<Index>& coordinates, int rank);

/// Nothing unless exactly one of the factors slides, and there are channels enough.
std::optional<LaneAxes> LanesOfConvolution(const TensorTable& tensors,
                                           const Computation& computation,
                                           const ContractionForm& roles);
/// Of a convolution, a pool, a convolution of single channels, or a gradient of these.
std::optional<LaneAxes> FindLanes(const TensorTable& tensors, const Computation& computation);

}  // namespace descent
