// GroupGraph: which group must come before which, while groups merge. The writer of a tensor comes
// before its readers, and the readers of an older value before the writer of the newer one that
// takes its bytes.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <vector>

#include "compiler/kernel/fuse.h"

namespace descent {

class GroupGraph {
 public:
  GroupGraph(std::span<const FusedGroup> groups, const std::vector<Overwrite>& overwrites,
             int tensor_count);

  /// By group.
  const std::vector<std::set<int>>& successors() const { return successors_; }

  /// Is there a path?
  bool Reaches(int from, int to) { return FindPath(from, to, false).has_value(); }
  /// What would make the two a cycle if they were one: a path from `from` to `to` through another
  /// group, or any path back.
  std::optional<Blocked> CycleThrough(int from, int to);
  /// `kept` has taken the work of `gone`, and takes its place in the order.
  void Replace(int kept, int gone);

 private:
  std::optional<Blocked> FindPath(int from, int to, bool skip_direct);

  std::vector<std::set<int>> successors_, predecessors_;
  std::vector<int> marks_;  ///< of each group: the side of a search that saw it last
  int last_mark_ = 0;
};

}  // namespace descent
