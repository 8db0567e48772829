#include "compiler/kernel/share_rows.h"

#include <algorithm>

#include "compiler/kernel/merge_stages.h"
#include "compiler/kernel/schedule.h"
#include "ir/index_map.h"

namespace descent {
namespace {

constexpr size_t kMaxStages = 16;
/// What the stages of one outer iteration hand on must stay in the cache.
constexpr int64_t kMaxLocalBytes = 64 << 10;
/// Fewer outer iterations than this are too few to share among threads.
constexpr int64_t kFewRows = 8;

int RowAxes(const FusedGroup& producer, const FusedGroup& reader) {
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

/// Why sharing `outer` axes would not pay.
std::optional<Blocked> NotWorthwhile(const FusedGroup& producer, const FusedGroup& reader,
                                     int outer, const TensorTable& tensors) {
  const Shape& axes = producer.stages[0].axes;
  const int64_t rows = Elements(Shape(axes.begin(), axes.begin() + outer));
  if (rows == 0) return Blocked{.obstacle = Obstacle::kNoElements};
  int64_t local_bytes = 0, work = 0;
  for (const FusedGroup* group : {&producer, &reader})
    for (const Computation& stage : group->stages) {
      work += Elements(stage.axes) * PointCost(stage);
      for (const int tensor : stage.tensors) local_bytes += tensors[tensor].type.bytes() / rows;
      if (StridesInside(stage, outer)) return Blocked{.obstacle = Obstacle::kStrides};
    }
  if (local_bytes > kMaxLocalBytes)
    return Blocked{.obstacle = Obstacle::kRowBytes, .limit = kMaxLocalBytes >> 10};
  if (rows < kFewRows && work >= 4 * kSerialFlops)
    return Blocked{.obstacle = Obstacle::kFewRows, .limit = kFewRows};
  return std::nullopt;
}

/// Does a stage between the two write what the later one reads?
bool AreParted(const std::vector<Computation>& stages, size_t earlier, size_t later) {
  return std::any_of(stages.begin() + static_cast<int>(earlier) + 1,
                     stages.begin() + static_cast<int>(later), [&](const Computation& between) {
                       return std::any_of(between.tensors.begin(), between.tensors.end(),
                                          [&](int tensor) { return Reads(stages[later], tensor); });
                     });
}

}  // namespace

bool FitOneLoop(const Computation& a, const Computation& b) {
  return PointCost(a) + PointCost(b) <= kMaxPointCost;
}

Verdict<int> SharedRows(const FusedGroup& producer, const FusedGroup& reader,
                        const TensorTable& tensors) {
  if (producer.contraction || reader.contraction)
    return std::unexpected(Blocked{.obstacle = Obstacle::kContraction});
  if (producer.stages.size() + reader.stages.size() > kMaxStages)
    return std::unexpected(Blocked{.obstacle = Obstacle::kStages, .limit = kMaxStages});
  const int outer = RowAxes(producer, reader);
  if (outer < 1) return std::unexpected(Blocked{.obstacle = Obstacle::kNoRows});
  if (outer == kMaxRank)
    return std::unexpected(Blocked{.obstacle = Obstacle::kAllAxes, .limit = kMaxRank});
  if (const auto blocked = NotWorthwhile(producer, reader, outer, tensors))
    return std::unexpected(*blocked);
  return outer;
}

std::vector<JoinedTensors> Coalesce(FusedGroup& group) {
  std::vector<JoinedTensors> joined;
  std::vector<Computation>& stages = group.stages;
  for (size_t later = 1; later < stages.size(); ++later)
    for (size_t earlier = 0; earlier < later; ++earlier) {
      if (AreParted(stages, earlier, later)) continue;
      Computation &base = stages[earlier], &added = stages[later];
      const auto moved = AtSamePoints(base, added);
      FusionRule rule = base.reducer ? FusionRule::kEpilogue : FusionRule::kOneLoop;
      if (moved && base.domain() == added.domain() && FitOneLoop(base, added)) {
        MergeStage(base, *moved);
      } else if (CanMergeReductions(base, added)) {
        rule = FusionRule::kOneReduction;
        MergeReductions(base, added);
      } else {
        continue;
      }
      joined.push_back({rule, added.tensors, base.tensors.front()});
      stages.erase(stages.begin() + static_cast<int>(later));
      --later;
      break;
    }
  return joined;
}

}  // namespace descent
