#include "compiler/kernel/fusion_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace descent {
namespace {

constexpr FusionWayInfo kWays[] = {
    {FusionWay::kInline, "inline", "inlining"},
    {FusionWay::kOneLoop, "one_loop", "one loop"},
    {FusionWay::kSharedRows, "shared_rows", "shared rows"},
};

constexpr FusionRuleInfo kRules[] = {
    {FusionRule::kInlined, "inlined", "inlined", "computed where it is read"},
    {FusionRule::kEpilogue, "epilogue", "epilogue",
     "at the points where that reduction has its results"},
    {FusionRule::kOneLoop, "one_loop", "one loop", "over the same points"},
    {FusionRule::kSiblings, "siblings", "siblings",
     "over the same points, where both are scalars or read the same value"},
    {FusionRule::kSharedRows, "shared_rows", "shared rows",
     "each row takes only what the same row has computed"},
    {FusionRule::kOneReduction, "one_reduction", "one reduction",
     "over the same axes, with the states of both"},
};

constexpr ObstacleInfo kObstacles[] = {
    {Obstacle::kSwitchedOff, "switched_off", "fusion is switched off"},
    {Obstacle::kForm, "form", "a form (attention, scatter, sort, prefix) is a kernel of its own"},
    {Obstacle::kControl, "control", "a loop or branch is not part of a kernel"},
    {Obstacle::kPath, "path", "a path through {} lies between them"},
    {Obstacle::kLongSearch, "long_search",
     "the search for a path between them was given up after {} kernels"},
    {Obstacle::kOldValue, "old_value",
     "the old value of {} is read elsewhere than it is overwritten"},
    {Obstacle::kOperations, "operations", "a point would take more than {} operations"},
    {Obstacle::kNotTried, "not_tried",
     "nothing in the end; the groups were others when this was tried"},

    {Obstacle::kMadeLater, "made_later",
     "it was made later, to be stored: a copy, a part of a sum or a transformed factor"},
    {Obstacle::kReduction, "reduction", "a reduction is computed once, not by each reader again"},
    {Obstacle::kAsserts, "asserts",
     "what reports on its values (assert_finite) is computed once, at its own points"},
    {Obstacle::kKeptNarrow, "kept_narrow",
     "it is rounded to 16 bits to be stored in them; its readers widen what they read"},
    {Obstacle::kDelivered, "delivered",
     "{} is stored anyway: an output, a state, or what a loop or branch hands on"},
    {Obstacle::kUnread, "unread", "its result {} has no reader"},
    {Obstacle::kReadAtData, "read_at_data",
     "it is read at places from data, where out of range means 0 of it, not of what it is made of"},
    {Obstacle::kIndexComputed, "index_computed",
     "it is used as an index, and an index is read from memory, not computed"},
    {Obstacle::kIndexOutside, "index_outside",
     "it is used as an index, and has another value outside of it than its operand"},
    {Obstacle::kReads, "reads", "the reader would have more than {} reads"},
    {Obstacle::kIndexNodes, "index_nodes",
     "an index of the reader would have more than {} operations"},
    {Obstacle::kContractionLost, "contraction_lost", "the reader would no longer be a contraction"},
    {Obstacle::kIndexDivisions, "index_divisions",
     "its readers would take more divisions to find its operands than storing it costs"},
    {Obstacle::kGatheredAgain, "gathered_again",
     "what is read at places from data is read once, for one reader"},
    {Obstacle::kPackedOperations, "packed_operations",
     "a contraction packs its operand, and computes at most {} operations an element meanwhile"},
    {Obstacle::kPackedReaders, "packed_readers",
     "it has more than {} readers, and a contraction among them"},
    {Obstacle::kEndsEpilogue, "ends_epilogue",
     "{}, which it reads, could then not stay in the loop that computes it"},
    {Obstacle::kRepeatedOperations, "repeated_operations",
     "it takes more than {} operations, too many to repeat for several readers or points"},
    {Obstacle::kEvaluations, "evaluations",
     "its readers would compute it more than {} times an element"},

    {Obstacle::kSeveralStages, "several_stages",
     "{} is several stages that share rows, not one loop"},
    {Obstacle::kReaderReduces, "reader_reduces",
     "the reader is a reduction, which takes several points for each result"},
    {Obstacle::kPointCount, "point_count",
     "the reader has another number of points (broadcast, slice)"},
    {Obstacle::kOtherPoints, "other_points",
     "the reader takes {} at other points than its own (transposed, shifted, broadcast)"},
    {Obstacle::kUsedAsIndex, "used_as_index", "the reader uses {} as an index"},
    {Obstacle::kReshapedReads, "reshaped_reads",
     "over the points of the producer, the reader would need divisions to find what else it reads"},
    {Obstacle::kResults, "results", "the loop would have more than {} results"},

    {Obstacle::kContraction, "contraction",
     "a contraction shares no rows, and takes only readers at the same points"},
    {Obstacle::kStages, "stages", "there would be more than {} stages"},
    {Obstacle::kNoRows, "no_rows",
     "they share no first axis along which the reader stays in its own row"},
    {Obstacle::kAllAxes, "all_axes", "all of {} axes would be rows"},
    {Obstacle::kNoElements, "no_elements", "there are no elements"},
    {Obstacle::kStrides, "strides",
     "what lies side by side belongs to different rows, so that the loop inside a row would "
     "stride"},
    {Obstacle::kRowBytes, "row_bytes", "what a row hands on exceeds {} KiB"},
    {Obstacle::kFewRows, "few_rows", "fewer than {} rows are too few to share among threads"},
};

template <typename Row, size_t kCount, typename Key>
const Row& RowOf(const Row (&table)[kCount], Key Row::* key, Key wanted) {
  return *std::ranges::find(table, wanted, key);
}

}  // namespace

const FusionWayInfo& Info(FusionWay way) { return RowOf(kWays, &FusionWayInfo::way, way); }
const FusionRuleInfo& Info(FusionRule rule) { return RowOf(kRules, &FusionRuleInfo::rule, rule); }
const ObstacleInfo& Info(Obstacle obstacle) {
  return RowOf(kObstacles, &ObstacleInfo::obstacle, obstacle);
}
std::span<const ObstacleInfo> Obstacles() { return kObstacles; }

std::string Explain(Obstacle obstacle, std::string_view about) {
  return fmt::format(fmt::runtime(Info(obstacle).text), about);
}

}  // namespace descent
