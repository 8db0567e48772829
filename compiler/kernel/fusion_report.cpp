#include "compiler/kernel/fusion_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace descent {
namespace {

/// Turns the numbers of one region into names.
class Naming {
 public:
  Naming(const RegionFusion& notes, std::span<const FusedGroup> groups,
         std::span<const FusionParty> parties, const TensorTable& tensors)
      : notes_(notes), groups_(groups), parties_(parties), tensors_(tensors) {}

  /// What was inlined first; what joined the same value by the same rule together.
  KernelParts PartsOf(size_t group) const {
    KernelParts parts{.call = parties_[group].first_call, .covers = {}, .joined = {}};
    for (const Computation& stage : groups_[group].stages)
      for (const std::string& node : stage.nodes)
        if (std::ranges::count(parts.covers, node) == 0) parts.covers.push_back(node);
    std::vector<JoinedValues>& rows = parts.joined;
    for (const auto& [rule, tensors, with] : notes_.joined[group]) {
      const std::string& name = tensors_[with].name;
      auto row = std::ranges::find_if(rows, [rule, &name](const JoinedValues& joined) {
        return joined.rule == rule && joined.with == name;
      });
      if (row == rows.end()) row = rows.insert(row, {rule, {}, name});
      for (const int tensor : tensors) row->values.push_back(tensors_[tensor].name);
    }
    std::ranges::stable_partition(
        rows, [](const JoinedValues& joined) { return joined.rule == FusionRule::kInlined; });
    return parts;
  }

  FusionPair PairOf(const GroupPair& pair) const {
    FusionPair named{.writer = parties_[pair.writer],
                     .reader = parties_[pair.reader],
                     .values = {},
                     .findings = InliningOf(pair)};
    for (const int tensor : pair.tensors) named.values.push_back(tensors_[tensor].name);
    named.findings.push_back(FindingOf(FusionWay::kOneLoop, pair.one_loop));
    named.findings.push_back(FindingOf(FusionWay::kSharedRows, pair.shared_rows));
    return named;
  }

 private:
  FusionFinding FindingOf(FusionWay way, const Blocked& blocked) const {
    FusionFinding finding{.way = way, .obstacle = blocked.obstacle};
    if (blocked.limit > 0) finding.about = fmt::format("{}", blocked.limit);
    if (blocked.tensor >= 0) finding.about = tensors_[blocked.tensor].name;
    if (blocked.group >= 0) finding.through = parties_[blocked.group];
    if (blocked.reader >= 0) finding.reader = tensors_[blocked.reader].name;
    return finding;
  }

  /// Is the value computed by the group, be it only where it is read?
  bool IsPartOf(int tensor, int group) const {
    const auto joined = [&](const JoinedTensors& part) {
      return std::ranges::count(part.tensors, tensor) > 0;
    };
    return std::ranges::count(groups_[group].Writes(), tensor) > 0 ||
           std::ranges::any_of(notes_.joined[group], joined);
  }

  /// One finding for all values that the same keeps from being inlined.
  std::vector<FusionFinding> InliningOf(const GroupPair& pair) const {
    std::vector<FusionFinding> findings;
    for (const int tensor : pair.tensors) {
      // Copies, partial sums and the like are made behind inlining.
      Blocked blocked{.obstacle = Obstacle::kMadeLater};
      if (pair.one_loop.obstacle == Obstacle::kSwitchedOff) blocked = pair.one_loop;
      if (const auto found = notes_.stored.find(tensor); found != notes_.stored.end())
        blocked = found->second;
      if (IsPartOf(blocked.reader, pair.reader)) blocked.reader = -1;
      FusionFinding finding = FindingOf(FusionWay::kInline, blocked);
      const auto same = std::ranges::find_if(findings, [&](const FusionFinding& other) {
        return std::tie(other.obstacle, other.about, other.reader) ==
               std::tie(finding.obstacle, finding.about, finding.reader);
      });
      (same == findings.end() ? findings.emplace_back(std::move(finding)) : *same)
          .values.push_back(tensors_[tensor].name);
    }
    return findings;
  }

  const RegionFusion& notes_;
  std::span<const FusedGroup> groups_;
  std::span<const FusionParty> parties_;
  const TensorTable& tensors_;
};

bool IsCalled(const FusionParty& party) { return party.first_call >= 0; }

}  // namespace

FusionParty PartyOf(const FusedGroup& group, int first_call, int end) {
  if (end == first_call) return {};
  if (group.loop) return {FusionParty::Kind::kLoop, first_call, end - 1, group.loop->trip_count};
  if (group.branch) return {FusionParty::Kind::kBranch, first_call, end - 1};
  // What follows the kernel itself are copies of its results.
  return {FusionParty::Kind::kKernel, first_call, first_call};
}

void FusionReport::Add(const RegionFusion& notes, std::span<const FusedGroup> groups,
                       std::span<const FusionParty> parties, const TensorTable& tensors) {
  const Naming naming(notes, groups, parties, tensors);
  for (size_t i = 0; i < parties.size(); ++i)
    if (IsCalled(parties[i]) && !notes.joined[i].empty()) kernels.push_back(naming.PartsOf(i));
  for (const GroupPair& pair : notes.pairs)
    if (IsCalled(parties[pair.writer]) && IsCalled(parties[pair.reader]))
      pairs.push_back(naming.PairOf(pair));
}

void FusionReport::AddCopy(int writer, int reader, std::string value, std::string older) {
  FusionFinding finding{.way = FusionWay::kOneLoop, .obstacle = Obstacle::kOldValue};
  finding.about = std::move(older);
  pairs.push_back({.writer = {.first_call = writer, .last_call = writer},
                   .reader = {.first_call = reader, .last_call = reader},
                   .values = {std::move(value)},
                   .findings = {std::move(finding)}});
}

void FusionReport::Sort() {
  std::ranges::sort(kernels, {}, &KernelParts::call);
  // A loop stands before the calls inside it.
  const auto key = [](const FusionPair& pair) {
    return std::tuple(pair.writer.first_call, -pair.writer.last_call, pair.reader.first_call,
                      -pair.reader.last_call);
  };
  std::ranges::stable_sort(pairs, {}, key);
}

}  // namespace descent
