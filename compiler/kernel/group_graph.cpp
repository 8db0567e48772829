#include "compiler/kernel/group_graph.h"

namespace descent {
namespace {

/// Groups that a search for a path may meet, so that what a fusion costs does not grow with the
/// network.
constexpr size_t kMaxSearched = 4096;

}  // namespace

GroupGraph::GroupGraph(std::span<const FusedGroup> groups, const std::vector<Overwrite>& overwrites,
                       int tensor_count)
    : successors_(groups.size()), predecessors_(groups.size()), marks_(groups.size(), 0) {
  std::vector<std::vector<int>> readers(tensor_count);
  std::vector<int> writer(tensor_count, -1);
  for (int i = 0; i < static_cast<int>(groups.size()); ++i) {
    for (const int tensor : groups[i].Reads()) readers[tensor].push_back(i);
    for (const int tensor : groups[i].Writes()) writer[tensor] = i;
  }
  const auto connect = [&](int from, int to) {
    if (from < 0 || to < 0 || from == to) return;
    successors_[from].insert(to);
    predecessors_[to].insert(from);
  };
  for (int tensor = 0; tensor < tensor_count; ++tensor)
    for (const int reader : readers[tensor]) connect(writer[tensor], reader);
  for (const Overwrite& overwrite : overwrites)
    for (const int reader : readers[overwrite.older]) connect(reader, writer[overwrite.newer]);
}

/// A group on a path; with `skip_direct` on one through another group. Searched from both ends in
/// turn: where there is none, one of them mostly has little to search. A long search ends as if
/// there were one, which does no more than keep groups apart.
std::optional<Blocked> GroupGraph::FindPath(int from, int to, bool skip_direct) {
  const auto through = [](int group) {
    return Blocked{.obstacle = Obstacle::kPath, .group = group};
  };
  if (!skip_direct && successors_[from].contains(to)) return through(to);
  const int marks[] = {++last_mark_, ++last_mark_};
  const std::vector<std::set<int>>* const neighbours[] = {&successors_, &predecessors_};
  std::vector<int> queues[2];
  size_t done[] = {0, 0};
  // Whether the other side has been there.
  const auto meets = [&](int side, int group) {
    if (marks_[group] == marks[1 - side]) return true;
    if (marks_[group] != marks[side]) queues[side].push_back(group);
    marks_[group] = marks[side];
    return false;
  };
  for (const int next : successors_[from])
    if (next != to) meets(0, next);
  for (const int before : predecessors_[to])
    if (before != from && meets(1, before)) return through(before);
  while (done[0] < queues[0].size() && done[1] < queues[1].size()) {
    if (queues[0].size() + queues[1].size() > kMaxSearched)
      return Blocked{.obstacle = Obstacle::kLongSearch, .limit = kMaxSearched};
    for (const int side : {0, 1})
      for (const int next : (*neighbours[side])[queues[side][done[side]++]])
        if (meets(side, next)) return through(next);
  }
  return std::nullopt;
}

std::optional<Blocked> GroupGraph::CycleThrough(int from, int to) {
  if (auto path = FindPath(from, to, true)) return path;
  return FindPath(to, from, false);
}

void GroupGraph::Replace(int kept, int gone) {
  for (const int before : predecessors_[gone]) {
    successors_[before].erase(gone);
    if (before == kept) continue;
    successors_[before].insert(kept);
    predecessors_[kept].insert(before);
  }
  for (const int behind : successors_[gone]) {
    predecessors_[behind].erase(gone);
    if (behind == kept) continue;
    predecessors_[behind].insert(kept);
    successors_[kept].insert(behind);
  }
  successors_[gone].clear();
  predecessors_[gone].clear();
}

}  // namespace descent
