#include "compiler/kernel/group_order.h"

#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace descent {
namespace {

/// Follows which temporaries are in use; those are in the arena, written by one group of the region
/// and read by others.
class LiveBytes {
 public:
  LiveBytes(std::span<const FusedGroup> groups, const TensorTable& tensors) : tensors_(tensors) {
    for (const FusedGroup& group : groups)
      for (const int tensor : group.Writes())
        if (tensors[tensor].alias < 0) temporaries_.insert(tensor);
    for (size_t i = 0; i < groups.size(); ++i) {
      uses_.push_back({Among(groups[i].Reads()), Among(groups[i].Writes())});
      for (const int tensor : uses_.back().reads) readers_[tensor].insert(static_cast<int>(i));
    }
  }

  /// Bytes that are in use behind the group and were not before it.
  int64_t Growth(int group) const {
    int64_t bytes = 0;
    for (const int tensor : uses_[group].writes) bytes += tensors_[tensor].type.bytes();
    for (const int tensor : uses_[group].reads)
      if (readers_.at(tensor).size() == 1) bytes -= tensors_[tensor].type.bytes();
    return bytes;
  }

  /// The groups whose growth is another now: those that have become the last to read something.
  std::vector<int> Run(int group) {
    std::vector<int> changed;
    for (const int tensor : uses_[group].reads) {
      std::set<int>& readers = readers_[tensor];
      readers.erase(group);
      if (readers.size() == 1) changed.push_back(*readers.begin());
    }
    return changed;
  }

 private:
  struct Uses {
    std::set<int> reads, writes;
  };

  std::set<int> Among(const std::vector<int>& tensors) const {
    std::set<int> found;
    for (const int tensor : tensors)
      if (temporaries_.contains(tensor)) found.insert(tensor);
    return found;
  }

  const TensorTable& tensors_;
  std::unordered_set<int> temporaries_;
  std::vector<Uses> uses_;
  std::unordered_map<int, std::set<int>> readers_;  ///< groups still to run that read a tensor
};

}  // namespace

std::vector<int> OrderGroups(std::span<const FusedGroup> groups,
                             std::span<const std::set<int>> successors,
                             const TensorTable& tensors) {
  LiveBytes live(groups, tensors);
  std::vector<int> pending(groups.size(), 0), order;
  for (const auto& list : successors)
    for (const int next : list) ++pending[next];
  // What is ready, the smallest growth first, then the lowest number.
  std::set<std::pair<int64_t, int>> ready;
  std::vector<std::optional<int64_t>> growth(groups.size());
  const auto add = [&](int group) {
    growth[group] = live.Growth(group);
    ready.emplace(*growth[group], group);
  };
  for (size_t i = 0; i < pending.size(); ++i)
    if (pending[i] == 0) add(static_cast<int>(i));
  while (!ready.empty()) {
    const int next = ready.begin()->second;
    ready.erase(ready.begin());
    growth[next].reset();
    order.push_back(next);
    for (const int changed : live.Run(next)) {
      if (!growth[changed]) continue;
      ready.erase({*growth[changed], changed});
      add(changed);
    }
    for (const int later : successors[next])
      if (--pending[later] == 0) add(later);
  }
  return order;
}

}  // namespace descent
