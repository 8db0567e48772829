#include "compiler/kernel/fuse.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "compiler/kernel/contraction.h"
#include "compiler/kernel/group_graph.h"
#include "compiler/kernel/group_order.h"
#include "compiler/kernel/merge_stages.h"
#include "compiler/kernel/share_rows.h"
#include "compiler/kernel/sibling_index.h"

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

std::vector<FusedGroup> GroupsOf(const Region& region) {
  std::vector<FusedGroup> groups;
  for (const Work& work : region.works) {
    FusedGroup& group = groups.emplace_back();
    group.form = work.form;
    group.loop = work.loop;
    group.branch = work.branch;
    if (!work.is_computation()) continue;
    group.stages = {work.computation};
    group.contraction = FindContraction(work.computation).has_value();
  }
  return groups;
}

/// The groups and their order while they are merged.
class Grouping {
 public:
  Grouping(const Region& region, const TensorTable& tensors, RegionFusion* notes)
      : region_(region),
        tensors_(tensors),
        groups_(GroupsOf(region)),
        alive_(groups_.size(), true),
        graph_(groups_, region.overwrites, tensors.size()),
        notes_(notes) {
    if (notes_ != nullptr) NoteInlined();
  }

  void Fuse() {
    AbsorbConsumers([](const FusedGroup& group) { return group.stages[0].reducer.has_value(); });
    AbsorbConsumers([](const FusedGroup& group) { return !group.stages[0].reducer.has_value(); });
    ShareRows();
    MergeSiblings();
  }

  /// Why the groups that are left are not merged with their readers.
  void NotePairs(bool fuse);
  std::vector<FusedGroup> Sorted() &&;

 private:
  bool IsLoops(int i) const { return alive_[i] && !groups_[i].stages.empty(); }
  bool IsSingleStage(int i) const { return alive_[i] && groups_[i].stages.size() == 1; }
  int count() const { return static_cast<int>(groups_.size()); }

  // Whether two groups may become one: all that decides it is here.
  std::optional<Blocked> OtherThanLoops(int producer, int reader) const;
  Verdict<Computation> OneLoop(int base, int consumer);
  Verdict<int> RowsOf(int producer, int reader);

  template <typename Predicate>
  void AbsorbConsumers(const Predicate& is_base);
  bool Absorb(int base, int consumer, FusionRule rule);
  void ShareRows();
  bool ShareRow(int producer, int reader);
  void MergeSiblings();
  void MergeSiblingsOf(int a, SiblingIndex& index);
  std::set<int> OwnReads(int group) const;
  bool AreSiblings(const Computation& a, const Computation& b) const;
  void Replace(int kept, int gone);

  void NoteInlined();
  void NoteJoined(int group, std::vector<JoinedTensors> joined);
  GroupPair PairOf(int writer, int reader, std::vector<int> tensors, bool fuse);

  const Region& region_;
  const TensorTable& tensors_;
  std::vector<FusedGroup> groups_;
  std::vector<bool> alive_;
  GroupGraph graph_;
  RegionFusion* notes_;
};

/// `kept` has taken the work of `gone`.
void Grouping::Replace(int kept, int gone) {
  graph_.Replace(kept, gone);
  alive_[gone] = false;
  groups_[gone] = {};
  if (notes_ != nullptr) NoteJoined(kept, std::exchange(notes_->joined[gone], {}));
}

std::optional<Blocked> Grouping::OtherThanLoops(int producer, int reader) const {
  for (const int i : {producer, reader}) {
    if (groups_[i].form) return Blocked{.obstacle = Obstacle::kForm};
    if (groups_[i].stages.empty()) return Blocked{.obstacle = Obstacle::kControl};
  }
  return std::nullopt;
}

// ---- one loop nest -----------------------------------------------------------------------------

/// The consumer over the points of the base, if one loop may compute both.
Verdict<Computation> Grouping::OneLoop(int base, int consumer) {
  if (const auto blocked = OtherThanLoops(base, consumer)) return std::unexpected(*blocked);
  for (const int i : {base, consumer})
    if (!IsSingleStage(i))
      return std::unexpected(Blocked{.obstacle = Obstacle::kSeveralStages, .group = i});
  const Computation &into = groups_[base].stages[0], &added = groups_[consumer].stages[0];
  auto moved = AtSamePoints(into, added);
  if (!moved) return moved;
  if (into.results.size() + added.results.size() > kMaxResults)
    return std::unexpected(Blocked{.obstacle = Obstacle::kResults, .limit = kMaxResults});
  if (!FitOneLoop(into, added))
    return std::unexpected(Blocked{.obstacle = Obstacle::kOperations, .limit = kMaxPointCost});
  if (const auto blocked = ForbiddenOverwrite(into, *moved, region_.overwrites))
    return std::unexpected(*blocked);
  if (const auto blocked = graph_.CycleThrough(base, consumer)) return std::unexpected(*blocked);
  return moved;
}

bool Grouping::Absorb(int base, int consumer, FusionRule rule) {
  const auto moved = OneLoop(base, consumer);
  if (!moved) return false;
  Computation& into = groups_[base].stages[0];
  MergeStage(into, *moved);
  Replace(base, consumer);
  if (notes_ != nullptr) NoteJoined(base, {{rule, moved->tensors, into.tensors.front()}});
  return true;
}

template <typename Predicate>
void Grouping::AbsorbConsumers(const Predicate& is_base) {
  for (int base = 0; base < count(); ++base) {
    if (!IsSingleStage(base) || !is_base(groups_[base])) continue;
    const FusionRule rule =
        groups_[base].stages[0].reducer ? FusionRule::kEpilogue : FusionRule::kOneLoop;
    for (bool changed = true; changed;) {
      changed = false;
      for (const int consumer : std::set<int>(graph_.successors()[base]))
        changed |= Absorb(base, consumer, rule);
    }
  }
}

// ---- stages that share outer loops -------------------------------------------------------------

/// How many axes they may share.
Verdict<int> Grouping::RowsOf(int producer, int reader) {
  if (const auto blocked = OtherThanLoops(producer, reader)) return std::unexpected(*blocked);
  const FusedGroup &first = groups_[producer], &second = groups_[reader];
  const auto outer = SharedRows(first, second, tensors_);
  if (!outer) return outer;
  for (const Computation& a : first.stages)
    for (const Computation& b : second.stages)
      if (const auto blocked = ForbiddenOverwrite(a, b, region_.overwrites))
        return std::unexpected(*blocked);
  if (const auto blocked = graph_.CycleThrough(producer, reader)) return std::unexpected(*blocked);
  return outer;
}

bool Grouping::ShareRow(int producer, int reader) {
  const auto outer = RowsOf(producer, reader);
  if (!outer) return false;
  FusedGroup &first = groups_[producer], &second = groups_[reader];
  std::vector<JoinedTensors> joined;
  for (Computation& stage : second.stages) {
    joined.push_back({FusionRule::kSharedRows, stage.tensors, first.stages[0].tensors.front()});
    first.stages.push_back(std::move(stage));
  }
  first.outer = *outer;
  std::ranges::move(Coalesce(first), std::back_inserter(joined));
  if (first.stages.size() == 1) first.outer = 0;
  Replace(producer, reader);
  if (notes_ != nullptr) NoteJoined(producer, std::move(joined));
  return true;
}

void Grouping::ShareRows() {
  for (bool changed = true; changed;) {
    changed = false;
    for (int producer = 0; producer < count(); ++producer) {
      if (!IsLoops(producer)) continue;
      for (const int reader : std::set<int>(graph_.successors()[producer]))
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

/// Tensors that a stage reads at its own points.
std::set<int> Grouping::OwnReads(int group) const {
  const Computation& stage = groups_[group].stages[0];
  std::set<int> tensors;
  for (const TensorRead& read : stage.reads)
    if (IsIdentity(stage, read)) tensors.insert(read.tensor);
  return tensors;
}

void Grouping::MergeSiblings() {
  const auto is_candidate = [&](int i) {
    return IsSingleStage(i) && !groups_[i].stages[0].reducer;
  };
  SiblingIndex index;
  for (int i = 0; i < count(); ++i)
    if (is_candidate(i)) index.Add(i, groups_[i].stages[0]);
  for (int a = 0; a < count(); ++a)
    if (is_candidate(a)) MergeSiblingsOf(a, index);
}

void Grouping::MergeSiblingsOf(int a, SiblingIndex& index) {
  std::set<int> shared = OwnReads(a);
  for (int b = a; groups_[a].stages[0].results.size() < kMaxResults;) {
    b = index.Next(groups_[a].stages[0], shared, b);
    if (b < 0) return;
    if (!AreSiblings(groups_[a].stages[0], groups_[b].stages[0])) continue;
    const bool backwards = !graph_.Reaches(a, b) && graph_.Reaches(b, a);
    const int kept = backwards ? b : a, gone = backwards ? a : b;
    const Computation stage = groups_[gone].stages[0];
    if (!Absorb(kept, gone, FusionRule::kSiblings)) continue;
    index.Remove(gone, stage);
    index.Add(kept, groups_[kept].stages[0]);
    if (backwards) return;
    shared = OwnReads(a);
  }
}

// ---- what is reported --------------------------------------------------------------------------

void Grouping::NoteJoined(int group, std::vector<JoinedTensors> joined) {
  std::ranges::move(joined, std::back_inserter(notes_->joined[group]));
}

void Grouping::NoteInlined() {
  notes_->joined.resize(groups_.size());
  for (int i = 0; i < count(); ++i)
    for (const int tensor : groups_[i].Writes())
      if (const auto found = notes_->inlined.find(tensor); found != notes_->inlined.end())
        NoteJoined(i, {{FusionRule::kInlined, found->second, tensor}});
}

GroupPair Grouping::PairOf(int writer, int reader, std::vector<int> tensors, bool fuse) {
  constexpr Blocked kOff = {.obstacle = Obstacle::kSwitchedOff};
  constexpr Blocked kAllowed = {.obstacle = Obstacle::kNotTried};
  GroupPair pair{writer, reader, std::move(tensors), kOff, kOff};
  if (!fuse) return pair;
  const auto loop = OneLoop(writer, reader);
  const auto rows = RowsOf(writer, reader);
  pair.one_loop = loop ? kAllowed : loop.error();
  pair.shared_rows = rows ? kAllowed : rows.error();
  return pair;
}

void Grouping::NotePairs(bool fuse) {
  std::unordered_map<int, int> writers;  // of each tensor
  for (int i = 0; i < count(); ++i)
    for (const int tensor : groups_[i].Writes()) writers[tensor] = i;
  for (int reader = 0; reader < count(); ++reader) {
    std::map<int, std::set<int>> taken;  // tensors by their writers
    for (const int tensor : groups_[reader].Reads())
      if (const auto writer = writers.find(tensor); writer != writers.end())
        if (writer->second != reader) taken[writer->second].insert(tensor);
    for (const auto& [writer, tensors] : taken)
      notes_->pairs.push_back(PairOf(writer, reader, {tensors.begin(), tensors.end()}, fuse));
  }
}

std::vector<FusedGroup> Grouping::Sorted() && {
  const std::vector<int> order = OrderGroups(groups_, graph_.successors(), tensors_);
  DESCENT_CHECK(order.size() == groups_.size(), "the groups of a region have no order");
  std::vector<FusedGroup> sorted;
  std::vector<int> numbers(groups_.size(), -1);
  for (const int i : order) {
    if (!alive_[i]) continue;
    numbers[i] = static_cast<int>(sorted.size());
    sorted.push_back(std::move(groups_[i]));
  }
  if (notes_ != nullptr) notes_->Renumber(numbers);
  return sorted;
}

}  // namespace

void RegionFusion::Renumber(const std::vector<int>& numbers) {
  std::vector<std::vector<JoinedTensors>> sorted(joined.size());
  for (size_t i = 0; i < joined.size(); ++i)
    if (numbers[i] >= 0) sorted[numbers[i]] = std::move(joined[i]);
  joined = std::move(sorted);
  for (GroupPair& pair : pairs) {
    pair.writer = numbers[pair.writer];
    pair.reader = numbers[pair.reader];
    for (Blocked* blocked : {&pair.one_loop, &pair.shared_rows})
      if (blocked->group >= 0) blocked->group = numbers[blocked->group];
  }
}

std::vector<FusedGroup> FormGroups(const Region& region, const TensorTable& tensors, bool fuse,
                                   RegionFusion* notes) {
  Grouping grouping(region, tensors, notes);
  if (fuse) grouping.Fuse();
  if (notes != nullptr) grouping.NotePairs(fuse);
  return std::move(grouping).Sorted();
}

}  // namespace descent
