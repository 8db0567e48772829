#include "compiler/kernel/fuse.h"

#include <algorithm>

#include "compiler/kernel/contraction.h"

namespace descent {

std::vector<int> FusedGroup::Reads() const {
  if (scatter) return {scatter->index, scatter->update, scatter->base};
  if (loop) return loop->reads;
  std::vector<int> tensors;
  for (const Computation& stage : stages)
    for (const TensorRead& read : stage.reads) tensors.push_back(read.tensor);
  return tensors;
}

std::vector<int> FusedGroup::Writes() const {
  if (scatter) return {scatter->result};
  if (loop) return loop->writes;
  std::vector<int> tensors;
  for (const Computation& stage : stages)
    tensors.insert(tensors.end(), stage.tensors.begin(), stage.tensors.end());
  return tensors;
}

namespace {

std::vector<FusedGroup> OneGroupPerWork(const Region& region) {
  std::vector<FusedGroup> groups;
  for (const Work& work : region.works) {
    FusedGroup group;
    group.scatter = work.scatter;
    group.loop = work.loop;
    if (work.is_computation()) {
      group.stages = {work.computation};
      group.contraction = FindContraction(work.computation).has_value();
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

std::vector<std::vector<int>> SuccessorsOf(const std::vector<FusedGroup>& groups,
                                           const Region& region, int tensor_count) {
  std::vector<std::vector<int>> readers(tensor_count);
  std::vector<int> writer(tensor_count, -1);
  for (int i = 0; i < static_cast<int>(groups.size()); ++i) {
    for (const int tensor : groups[i].Reads()) readers[tensor].push_back(i);
    for (const int tensor : groups[i].Writes()) writer[tensor] = i;
  }
  std::vector<std::vector<int>> successors(groups.size());
  const auto connect = [&](int from, int to) {
    if (from < 0 || to < 0 || from == to) return;
    std::vector<int>& list = successors[from];
    if (std::find(list.begin(), list.end(), to) == list.end()) list.push_back(to);
  };
  for (int tensor = 0; tensor < tensor_count; ++tensor)
    for (const int reader : readers[tensor]) connect(writer[tensor], reader);
  for (const Overwrite& overwrite : region.overwrites)
    for (const int reader : readers[overwrite.older]) connect(reader, writer[overwrite.newer]);
  return successors;
}

}  // namespace

void InlineProducers(Region& region, const TensorTable& tensors) {
  (void)region;
  (void)tensors;
}

std::vector<FusedGroup> FormGroups(const Region& region, const TensorTable& tensors, bool fuse) {
  std::vector<FusedGroup> groups = OneGroupPerWork(region);
  (void)fuse;
  const auto order = TopologicalOrder(SuccessorsOf(groups, region, tensors.size()));
  DESCENT_CHECK(order.has_value(), "the groups of a region have no order");
  std::vector<FusedGroup> sorted;
  for (const int i : *order) sorted.push_back(std::move(groups[i]));
  return sorted;
}

}  // namespace descent
