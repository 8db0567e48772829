// SiblingIndex: groups of one loop nest each that may be siblings, found by what they share instead
// of by looking at all pairs. Siblings read the same value, or both are scalars.
#pragma once

#include <algorithm>
#include <set>
#include <unordered_map>
#include <vector>

#include "compiler/kernel/computation.h"

namespace descent {

class SiblingIndex {
 public:
  void Add(int group, const Computation& stage) {
    if (stage.rank == 0) scalars_.insert(group);
    for (const TensorRead& read : stage.reads) readers_[read.tensor].insert(group);
  }
  void Remove(int group, const Computation& stage) {
    scalars_.erase(group);
    for (const TensorRead& read : stage.reads)
      if (const auto readers = readers_.find(read.tensor); readers != readers_.end())
        readers->second.erase(group);
  }

  /// The first group behind `last` that may be a sibling of one with this stage, which reads
  /// `shared` at its own points; -1 if there is none.
  int Next(const Computation& stage, const std::set<int>& shared, int last) const {
    if (stage.rank == 0) return Behind(scalars_, last);
    int next = -1;
    for (const int tensor : shared)
      if (const auto readers = readers_.find(tensor); readers != readers_.end())
        if (const int reader = Behind(readers->second, last); reader >= 0)
          next = next < 0 ? reader : std::min(next, reader);
    return next;
  }

 private:
  static int Behind(const std::set<int>& groups, int last) {
    const auto found = groups.upper_bound(last);
    return found == groups.end() ? -1 : *found;
  }

  std::set<int> scalars_;
  std::unordered_map<int, std::set<int>> readers_;  ///< of each tensor
};

}  // namespace descent
