// How index expressions advance from one vector lane to the next. No LLVM.
//
//   LaneStep(Mod(Axis(0), 16), {.axis = 0, .lanes = 8})  ->  1, as chunks of 8 never straddle a
//   multiple of 16
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "ir/index_map.h"

namespace descent {

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

}  // namespace descent
