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
// overwriting included. Whether two may merge is a Verdict (fusion_rules.h): what decides is what
// `descent inspect --fusion` reports.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "compiler/kernel/fusion_rules.h"
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

/// Values that came into a kernel, and the value there that they joined.
struct JoinedTensors {
  FusionRule rule;
  std::vector<int> tensors;
  int with = -1;
};

/// A group that writes what another one reads, and why they are two.
struct GroupPair {
  int writer = -1, reader = -1;  ///< numbers of the groups as FormGroups returns them
  std::vector<int> tensors;
  Blocked one_loop, shared_rows;
};

/// What was decided about the values of one region, for whoever asks for it.
struct RegionFusion {
  /// Of each value that computations wrote and could be inlined: why it was not.
  std::unordered_map<int, Blocked> stored;
  /// What was inlined into the computation that writes a value, first the innermost.
  std::unordered_map<int, std::vector<int>> inlined;
  std::vector<std::vector<JoinedTensors>> joined;  ///< of each group
  std::vector<GroupPair> pairs;

  /// Group i, where there still is one, becomes group numbers[i].
  void Renumber(const std::vector<int>& numbers);
};

/// What one loop nest computes per point, at most, by PointCost: beyond it a load and a store are
/// nothing, and the time to compile a body grows faster than the body.
inline constexpr int64_t kMaxPointCost = 512;

/// Inlines layouts and cheap or once-used elementwise producers; drops what nobody reads any more.
/// `notes`, if not null, gets what is stored and what was inlined.
void InlineProducers(Region& region, const TensorTable& tensors, RegionFusion* notes = nullptr);

/// Groups in an order that respects data and overwriting; one per work when `fuse` is false.
/// Deliveries must have been carried out. `notes`, if not null, gets what joined and the pairs of
/// neighbours; the groups are the same.
std::vector<FusedGroup> FormGroups(const Region& region, const TensorTable& tensors, bool fuse,
                                   RegionFusion* notes = nullptr);

}  // namespace descent
