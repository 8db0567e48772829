// What is known at compile time about index expressions: which axes they use, their range, and how
// they advance from one vector lane to the next. No LLVM.
//
//   IndexRange(Axis(0) * 4 + ConstantIndex(1), {8})  ->  [1, 29]
//   LaneStep(Mod(Axis(0), 16), {.axis = 0, .lanes = 8})  ->  1, as chunks of 8 never straddle a
//   multiple of 16
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>

#include "ir/tensor_expr.h"

namespace descent {

struct IndexBounds {
  int64_t low = 0, high = 0;  ///< inclusive
  bool operator==(const IndexBounds&) const = default;
};

/// Values over all points of axes with these (positive) extents; nullopt when it depends on a read.
std::optional<IndexBounds> IndexRange(const Index& index, std::span<const int64_t> extents);

/// Adds the axes and reads that occur.
void CollectUses(const Index& index, std::set<int>& axes, std::set<int>& reads);

/// A vector of `lanes` consecutive values of `axis`; the first is a multiple of `alignment`.
struct LaneChunk {
  int axis = -1;
  int lanes = 1;
  int64_t alignment = 1;
};

/// Difference between neighbouring lanes when it is the same for all; nullopt when it is not known
/// to be. Reads in `varying_reads` differ from lane to lane.
std::optional<int64_t> LaneStep(const Index& index, const LaneChunk& chunk,
                                const std::set<int>& varying_reads = {});

/// Element offset of coordinates: sum of coordinates[d] * strides[d].
Index Flatten(std::span<const Index> coordinates, std::span<const int64_t> strides);

}  // namespace descent
