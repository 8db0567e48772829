// Fuse: decides which values of a region are computed together.
//
// A group becomes one kernel: stages one after another inside `outer` shared parallel axes.
// Legality comes from the index maps alone:
//   - a cheap producer without a reducer is inlined into its consumers by composing index maps
//   (InlineProducers);
//   - a reduction takes the elementwise consumers that read it point by point as its epilogue;
//   - elementwise neighbours over the same points are one loop with several results;
//   - reductions and elementwise loops that read each other row by row share the loops over the
//   rows;
//   - scalars are computed together.
// Merging never makes a cycle in the order of groups, readers of an older tensor before its
// overwriting included.
#pragma once

#include <memory>
#include <vector>

#include "compiler/kernel/region.h"

namespace descent {

struct FusedGroup {
  std::vector<Computation> stages;  ///< their first `outer` axes are shared
  int outer = 0;
  bool contraction = false;
  std::shared_ptr<FormWork> form;  ///< or one of these, and no stages
  std::shared_ptr<LoopWork> loop;
  std::shared_ptr<BranchWork> branch;

  std::vector<int> Reads() const;  ///< After() included
  std::vector<int> After() const;  ///< what it waits for and does not write itself
  std::vector<int> Writes() const;
};

/// What one loop nest computes per point, at most, by PointCost: beyond it a load and a store are
/// nothing, and the time to compile a body grows faster than the body.
inline constexpr int64_t kMaxPointCost = 512;

/// Inlines layouts and cheap or once-used elementwise producers; drops what nobody reads any more.
void InlineProducers(Region& region, const TensorTable& tensors);

/// Groups in an order that respects data and overwriting; one per work when `fuse` is false.
/// Deliveries must have been carried out.
std::vector<FusedGroup> FormGroups(const Region& region, const TensorTable& tensors, bool fuse);

}  // namespace descent
