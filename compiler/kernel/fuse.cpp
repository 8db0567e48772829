#include "compiler/kernel/fuse.h"

#include <algorithm>
#include <set>

#include "compiler/kernel/contraction.h"
#include "compiler/kernel/group_order.h"
#include "compiler/kernel/merge_stages.h"
#include "compiler/kernel/schedule.h"
#include "ir/index_map.h"

namespace descent {

std::vector<int> FusedGroup::Reads() const {
  if (form) return form->Reads();
  if (loop) return loop->reads;
  if (branch) return branch->reads;
  std::vector<int> tensors = After();
  for (const Computation& stage : stages)
    for (const TensorRead& read : stage.reads) tensors.push_back(read.tensor);
  return tensors;
}

std::vector<int> FusedGroup::After() const {
  std::set<int> own;
  for (const Computation& stage : stages) own.insert(stage.tensors.begin(), stage.tensors.end());
  std::vector<int> tensors;
  for (const Computation& stage : stages)
    for (const int tensor : stage.after)
      if (!own.contains(tensor)) tensors.push_back(tensor);
  return tensors;
}

std::vector<int> FusedGroup::Writes() const {
  if (form) return form->Writes();
  if (loop) return loop->writes;
  if (branch) return branch->writes;
  std::vector<int> tensors;
  for (const Computation& stage : stages)
    tensors.insert(tensors.end(), stage.tensors.begin(), stage.tensors.end());
  return tensors;
}

namespace {

/// Results that one loop nest may have.
constexpr size_t kMaxResults = 12;
constexpr size_t kMaxStages = 16;
/// What the stages of one outer iteration hand on must stay in the cache.
constexpr int64_t kMaxLocalBytes = 64 << 10;
/// Fewer outer iterations than this are too few to share among threads.
constexpr int64_t kFewRows = 8;
/// Groups that a search for a path may meet, so that what a fusion costs does not grow with the
/// network.
constexpr size_t kMaxSearched = 4096;

bool FitOneLoop(const Computation& a, const Computation& b) {
  return PointCost(a) + PointCost(b) <= kMaxPointCost;
}

/// The groups and their order while they are merged.
class Grouping {
 public:
  Grouping(const Region& region, const TensorTable& tensors) : region_(region), tensors_(tensors) {
    for (const Work& work : region.works) {
      FusedGroup group;
      group.form = work.form;
      group.loop = work.loop;
      group.branch = work.branch;
      if (work.is_computation()) {
        group.stages = {work.computation};
        group.contraction = FindContraction(work.computation).has_value();
      }
      groups_.push_back(std::move(group));
    }
    alive_.assign(groups_.size(), true);
    marks_.assign(groups_.size(), 0);
    Connect();
  }

  void Fuse() {
    AbsorbConsumers([](const FusedGroup& group) { return group.stages[0].reducer.has_value(); });
    AbsorbConsumers([](const FusedGroup& group) { return !group.stages[0].reducer.has_value(); });
    ShareRows();
    MergeSiblings();
  }

  std::vector<FusedGroup> Sorted() &&;

 private:
  bool IsLoops(int i) const { return alive_[i] && !groups_[i].stages.empty(); }
  bool IsSingleStage(int i) const { return alive_[i] && groups_[i].stages.size() == 1; }
  int count() const { return static_cast<int>(groups_.size()); }

  void Connect();
  bool Reaches(int from, int to, bool skip_direct);
  void Replace(int kept, int gone);

  template <typename Predicate>
  void AbsorbConsumers(const Predicate& is_base);
  bool Absorb(int base, int consumer);

  void ShareRows();
  bool ShareRow(int producer, int reader);
  int RowAxes(const FusedGroup& producer, const FusedGroup& reader) const;
  bool RowsWorthwhile(const FusedGroup& producer, const FusedGroup& reader, int outer) const;
  static void Coalesce(FusedGroup& group);

  void MergeSiblings();
  bool AreSiblings(const Computation& a, const Computation& b) const;

  const Region& region_;
  const TensorTable& tensors_;
  std::vector<FusedGroup> groups_;
  std::vector<bool> alive_;
  std::vector<std::set<int>> successors_, predecessors_;
  std::vector<int> marks_;  ///< of each group: the side of a search that saw it last
  int last_mark_ = 0;
};

void Grouping::Connect() {
  std::vector<std::vector<int>> readers(tensors_.size());
  std::vector<int> writer(tensors_.size(), -1);
  for (int i = 0; i < count(); ++i) {
    for (const int tensor : groups_[i].Reads()) readers[tensor].push_back(i);
    for (const int tensor : groups_[i].Writes()) writer[tensor] = i;
  }
  successors_.resize(groups_.size());
  predecessors_.resize(groups_.size());
  const auto connect = [&](int from, int to) {
    if (from < 0 || to < 0 || from == to) return;
    successors_[from].insert(to);
    predecessors_[to].insert(from);
  };
  for (int tensor = 0; tensor < tensors_.size(); ++tensor)
    for (const int reader : readers[tensor]) connect(writer[tensor], reader);
  for (const Overwrite& overwrite : region_.overwrites)
    for (const int reader : readers[overwrite.older]) connect(reader, writer[overwrite.newer]);
}

/// Is there a path; with `skip_direct` one through another group? Searched from both ends in turn:
/// where there is none, one of them mostly has little to search. A long search ends with yes, which
/// does no more than keep groups apart.
bool Grouping::Reaches(int from, int to, bool skip_direct) {
  if (!skip_direct && successors_[from].contains(to)) return true;
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
    if (before != from && meets(1, before)) return true;
  while (done[0] < queues[0].size() && done[1] < queues[1].size()) {
    if (queues[0].size() + queues[1].size() > kMaxSearched) return true;
    for (const int side : {0, 1})
      for (const int next : (*neighbours[side])[queues[side][done[side]++]])
        if (meets(side, next)) return true;
  }
  return false;
}

/// `kept` has taken the work of `gone`, and takes its place in the order.
void Grouping::Replace(int kept, int gone) {
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
  alive_[gone] = false;
  groups_[gone] = {};
}

// ---- one loop nest -----------------------------------------------------------------------------

bool Grouping::Absorb(int base, int consumer) {
  if (!IsSingleStage(base) || !IsSingleStage(consumer)) return false;
  Computation& into = groups_[base].stages[0];
  const Computation& added = groups_[consumer].stages[0];
  if (into.results.size() + added.results.size() > kMaxResults || !FitOneLoop(into, added))
    return false;
  const auto moved = AtSamePoints(into, added);
  if (!moved || !OverwritesAllow(into, *moved, region_.overwrites)) return false;
  if (Reaches(base, consumer, true) || Reaches(consumer, base, false)) return false;
  MergeStage(into, *moved);
  Replace(base, consumer);
  return true;
}

template <typename Predicate>
void Grouping::AbsorbConsumers(const Predicate& is_base) {
  for (int base = 0; base < count(); ++base) {
    if (!IsSingleStage(base) || !is_base(groups_[base])) continue;
    for (bool changed = true; changed;) {
      changed = false;
      for (const int consumer : std::set<int>(successors_[base])) changed |= Absorb(base, consumer);
    }
  }
}

// ---- stages that share outer loops -------------------------------------------------------------

int Grouping::RowAxes(const FusedGroup& producer, const FusedGroup& reader) const {
  int outer = kMaxRank;
  for (const FusedGroup* group : {&producer, &reader})
    if (group->stages.size() > 1) outer = std::min(outer, group->outer);
  for (const Computation& from : producer.stages)
    for (const Computation& to : reader.stages) outer = std::min(outer, SharedOuterAxes(from, to));
  return outer;
}

/// Would the inner loops stride, since neighbouring elements belong to neighbouring iterations of
/// an outer axis?
bool StridesInside(const Computation& stage, int outer) {
  const int axes = static_cast<int>(stage.axes.size());
  return std::any_of(stage.reads.begin(), stage.reads.end(), [&](const TensorRead& read) {
    bool moves = false;
    for (const Index& index : read.coordinates)
      for (int axis = outer; axis < axes; ++axis) moves |= UsesAxis(index, axis);
    if (!moves) return false;
    const auto last = AsAffine(read.coordinates.back(), axes);
    return last && std::any_of(last->coefficients.begin(), last->coefficients.begin() + outer,
                               [](int64_t coefficient) { return coefficient == 1; });
  });
}

bool Grouping::RowsWorthwhile(const FusedGroup& producer, const FusedGroup& reader,
                              int outer) const {
  const Shape& axes = producer.stages[0].axes;
  const int64_t rows = Elements(Shape(axes.begin(), axes.begin() + outer));
  if (rows == 0) return false;
  int64_t local_bytes = 0, work = 0;
  for (const FusedGroup* group : {&producer, &reader})
    for (const Computation& stage : group->stages) {
      work += Elements(stage.axes) * PointCost(stage);
      for (const int tensor : stage.tensors) local_bytes += tensors_[tensor].type.bytes() / rows;
      if (StridesInside(stage, outer)) return false;
    }
  return local_bytes <= kMaxLocalBytes && (rows >= kFewRows || work < 4 * kSerialFlops);
}

/// Stages over the same points become one where no stage between them stands in the way.
void Grouping::Coalesce(FusedGroup& group) {
  std::vector<Computation>& stages = group.stages;
  for (size_t later = 1; later < stages.size(); ++later)
    for (size_t earlier = 0; earlier < later; ++earlier) {
      const bool blocked = std::any_of(
          stages.begin() + static_cast<int>(earlier) + 1, stages.begin() + static_cast<int>(later),
          [&](const Computation& between) {
            return std::any_of(between.tensors.begin(), between.tensors.end(),
                               [&](int tensor) { return Reads(stages[later], tensor); });
          });
      if (blocked) continue;
      const auto moved = AtSamePoints(stages[earlier], stages[later]);
      if (moved && stages[earlier].domain() == stages[later].domain() &&
          FitOneLoop(stages[earlier], stages[later]))
        MergeStage(stages[earlier], *moved);
      else if (CanMergeReductions(stages[earlier], stages[later]))
        MergeReductions(stages[earlier], stages[later]);
      else
        continue;
      stages.erase(stages.begin() + static_cast<int>(later));
      --later;
      break;
    }
}

bool Grouping::ShareRow(int producer, int reader) {
  if (!IsLoops(producer) || !IsLoops(reader)) return false;
  FusedGroup &first = groups_[producer], &second = groups_[reader];
  if (first.contraction || second.contraction ||
      first.stages.size() + second.stages.size() > kMaxStages)
    return false;
  const int outer = RowAxes(first, second);
  if (outer < 1 || outer == kMaxRank || !RowsWorthwhile(first, second, outer)) return false;
  for (const Computation& a : first.stages)
    for (const Computation& b : second.stages)
      if (!OverwritesAllow(a, b, region_.overwrites)) return false;
  if (Reaches(producer, reader, true) || Reaches(reader, producer, false)) return false;
  for (Computation& stage : second.stages) first.stages.push_back(std::move(stage));
  first.outer = outer;
  Coalesce(first);
  if (first.stages.size() == 1) first.outer = 0;
  Replace(producer, reader);
  return true;
}

void Grouping::ShareRows() {
  for (bool changed = true; changed;) {
    changed = false;
    for (int producer = 0; producer < count(); ++producer) {
      if (!IsLoops(producer)) continue;
      for (const int reader : std::set<int>(successors_[producer]))
        changed |= ShareRow(producer, reader);
    }
  }
}

// ---- neighbours without a path between them ----------------------------------------------------

bool Grouping::AreSiblings(const Computation& a, const Computation& b) const {
  if (a.reducer || b.reducer || a.domain() != b.domain()) return false;
  if (a.rank == 0) return true;
  return std::any_of(a.reads.begin(), a.reads.end(), [&](const TensorRead& read) {
    return IsIdentity(a, read) && Reads(b, read.tensor) && ReadsInPlace(b, read.tensor);
  });
}

void Grouping::MergeSiblings() {
  for (int a = 0; a < count(); ++a)
    for (int b = a + 1; b < count(); ++b) {
      if (!IsSingleStage(a) || !IsSingleStage(b)) continue;
      if (!AreSiblings(groups_[a].stages[0], groups_[b].stages[0])) continue;
      if (Reaches(a, b, false))
        Absorb(a, b);
      else if (Reaches(b, a, false))
        Absorb(b, a);
      else
        Absorb(a, b);
    }
}

std::vector<FusedGroup> Grouping::Sorted() && {
  const std::vector<int> order = OrderGroups(groups_, successors_, tensors_);
  DESCENT_CHECK(order.size() == groups_.size(), "the groups of a region have no order");
  std::vector<FusedGroup> sorted;
  for (const int i : order)
    if (alive_[i]) sorted.push_back(std::move(groups_[i]));
  return sorted;
}

}  // namespace

std::vector<FusedGroup> FormGroups(const Region& region, const TensorTable& tensors, bool fuse) {
  Grouping grouping(region, tensors);
  if (fuse) grouping.Fuse();
  return std::move(grouping).Sorted();
}

}  // namespace descent
