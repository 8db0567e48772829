#include "compiler/kernel/group_order.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

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
    for (const FusedGroup& group : groups) {
      uses_.push_back({Among(group.Reads()), Among(group.Writes())});
      for (const int tensor : uses_.back().reads) ++readers_[tensor];
    }
  }

  /// Bytes that are in use behind the group and were not before it.
  int64_t Growth(int group) const {
    int64_t bytes = 0;
    for (const int tensor : uses_[group].writes) bytes += tensors_[tensor].type.bytes();
    for (const int tensor : uses_[group].reads)
      if (readers_.at(tensor) == 1) bytes -= tensors_[tensor].type.bytes();
    return bytes;
  }

  void Run(int group) {
    for (const int tensor : uses_[group].reads) --readers_[tensor];
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
  std::unordered_map<int, int> readers_;  ///< groups still to run that read a tensor
};

}  // namespace

std::vector<int> OrderGroups(std::span<const FusedGroup> groups,
                             std::span<const std::set<int>> successors,
                             const TensorTable& tensors) {
  LiveBytes live(groups, tensors);
  std::vector<int> pending(groups.size(), 0), order;
  for (const auto& list : successors)
    for (const int next : list) ++pending[next];
  std::set<int> ready;
  for (size_t i = 0; i < pending.size(); ++i)
    if (pending[i] == 0) ready.insert(static_cast<int>(i));
  while (!ready.empty()) {
    const int next = *std::ranges::min_element(ready, {}, [&](int i) { return live.Growth(i); });
    ready.erase(next);
    order.push_back(next);
    live.Run(next);
    for (const int later : successors[next])
      if (--pending[later] == 0) ready.insert(later);
  }
  return order;
}

}  // namespace descent
