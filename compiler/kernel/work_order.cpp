#include "compiler/kernel/work_order.h"

#include <algorithm>

namespace descent {

WorkOrder::WorkOrder(const Region& region, const TensorTable& tensors) : tensors_(tensors) {
  uses_.resize(tensors.size());
  for (const Work& work : region.works) Append(work);
  for (const Overwrite& overwrite : region.overwrites) Add(overwrite);
}

void WorkOrder::Append(const Work& work) {
  const int number = static_cast<int>(reads_.size());
  uses_.resize(tensors_.size());
  reads_.push_back(work.Reads());
  writes_.push_back(work.Writes());
  reached_in_.push_back(0);
  for (const int tensor : reads_.back()) uses_[tensor].readers.push_back(number);
  for (const int tensor : writes_.back()) uses_[tensor].writer = number;
}

void WorkOrder::DropLast() {
  for (const int tensor : reads_.back()) uses_[tensor].readers.pop_back();
  for (const int tensor : writes_.back()) uses_[tensor].writer = -1;
  reads_.pop_back();
  writes_.pop_back();
  reached_in_.pop_back();
}

bool WorkOrder::Reads(int work, int tensor) const {
  return std::find(reads_[work].begin(), reads_[work].end(), tensor) != reads_[work].end();
}

bool WorkOrder::Allows(const Overwrite& overwrite) {
  const int writer = WriterOf(overwrite.newer);
  if (writer < 0) return true;
  // All edges that it adds end at the writer, so a cycle leads from there to another reader.
  ++search_;
  std::vector<int> pending = {writer};
  while (!pending.empty()) {
    const int work = pending.back();
    pending.pop_back();
    if (reached_in_[work] == search_) continue;
    reached_in_[work] = search_;
    ++visited_;
    if (work != writer && Reads(work, overwrite.older)) return false;
    for (const int tensor : writes_[work])
      pending.insert(pending.end(), uses_[tensor].readers.begin(), uses_[tensor].readers.end());
    for (const int tensor : reads_[work])
      for (const int newer : uses_[tensor].newer)
        if (WriterOf(newer) >= 0) pending.push_back(WriterOf(newer));
  }
  return true;
}

}  // namespace descent
