// Which axis of a nest lies on the vector lanes, and in which order the loops run. No LLVM values
// are made here. Internal to compiler/codegen.
#pragma once

#include <set>
#include <vector>

#include "compiler/codegen/lane_step.h"
#include "compiler/codegen/nest_emitter.h"

namespace descent {

struct LanePlan {
  int axis = -1;  ///< vector axis; -1: scalar code
  int lanes = 1;
  int unroll = 1;  ///< vectors per iteration: independent accumulators or neighbouring columns
  bool reduced = false;  ///< the vector axis is a reduced one
  /// Own axes from the outermost loop inwards: parallel ones, then reduced ones. The vector axis is
  /// the last of its kind.
  std::vector<int> order;
  int parallel_loops = 0;

  LaneChunk chunk;  ///< for LaneStep; of an unrolled body too
};

LanePlan PlanLanes(const Nest& nest, const TargetFacts& facts);

/// Reads whose value differs from lane to lane.
std::set<int> VaryingReads(const Nest& nest, int vector_axis);

/// Every scalar node reachable from the nest's results and reducer steps, arguments first, each
/// once.
std::vector<const ScalarNode*> NodesInOrder(const Nest& nest);

}  // namespace descent
