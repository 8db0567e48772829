// WorkOrder: which work of a region must come before which. The writer of a tensor comes before its
// readers, and the readers of an older value before the writer of the newer one that takes its
// bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/kernel/region.h"

namespace descent {

class WorkOrder {
 public:
  WorkOrder(const Region& region, const TensorTable& tensors);

  /// The work that comes behind the last one; it may name tensors added to the table since.
  void Append(const Work& work);
  /// Takes back the last Append.
  void DropLast();
  void Add(const Overwrite& overwrite) { uses_[overwrite.older].newer.push_back(overwrite.newer); }

  /// Number of the work that writes `tensor`; -1 if none does.
  int WriterOf(int tensor) const { return uses_[tensor].writer; }
  const std::vector<int>& ReadersOf(int tensor) const { return uses_[tensor].readers; }
  bool Reads(int work, int tensor) const;

  /// Would the order stay a partial order with `overwrite` added?
  bool Allows(const Overwrite& overwrite);

  /// Works that all calls of Allows have looked at.
  int64_t visited() const { return visited_; }

 private:
  struct Uses {
    int writer = -1;
    std::vector<int> readers;
    std::vector<int> newer;  ///< tensors that take its bytes
  };

  const TensorTable& tensors_;
  std::vector<Uses> uses_;                        ///< per tensor
  std::vector<std::vector<int>> reads_, writes_;  ///< per work
  std::vector<int> reached_in_;                   ///< per work: the last search that came there
  int search_ = 0;
  int64_t visited_ = 0;
};

}  // namespace descent
