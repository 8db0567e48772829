// By which rules values come together in one kernel, and what stands in the way. The functions that
// decide return a Verdict, so that whoever asks why two kernels are two hears what decided it.
//
//   Verdict<Computation> moved = AtSamePoints(base, added);
//   if (!moved) return std::unexpected(moved.error());
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace descent {

/// How the work of two neighbours could be done by one kernel.
enum class FusionWay : uint8_t {
  kInline,      ///< the reader computes the value where it reads it
  kOneLoop,     ///< one loop nest has the results of both
  kSharedRows,  ///< stages one after another inside shared outer loops
};

/// How the parts of a kernel came together.
enum class FusionRule : uint8_t {
  kInlined,
  kEpilogue,
  kOneLoop,
  kSiblings,
  kSharedRows,
  kOneReduction,
};

/// What keeps a producer and its reader apart.
enum class Obstacle : uint8_t {
  // whatever the way
  kSwitchedOff,
  kForm,
  kControl,
  kPath,
  kLongSearch,
  kOldValue,
  kOperations,
  kNotTried,
  // inlining
  kMadeLater,
  kReduction,
  kAsserts,
  kKeptNarrow,
  kDelivered,
  kUnread,
  kReadAtData,
  kIndexComputed,
  kIndexOutside,
  kReads,
  kIndexNodes,
  kContractionLost,
  kIndexDivisions,
  kGatheredAgain,
  kPackedOperations,
  kPackedReaders,
  kEndsEpilogue,
  kRepeatedOperations,
  kEvaluations,
  // one loop
  kSeveralStages,
  kReaderReduces,
  kPointCount,
  kOtherPoints,
  kUsedAsIndex,
  kReshapedReads,
  kResults,
  // shared rows
  kContraction,
  kStages,
  kNoRows,
  kAllAxes,
  kNoElements,
  kStrides,
  kRowBytes,
  kFewRows,
};

struct FusionWayInfo {
  FusionWay way;
  std::string_view name;  ///< in JSON: "one_loop"
  std::string_view title;
};
struct FusionRuleInfo {
  FusionRule rule;
  std::string_view name;
  std::string_view title;
  std::string_view text;
};
struct ObstacleInfo {
  Obstacle obstacle;
  std::string_view name;
  std::string_view text;  ///< one sentence; {} stands for what Blocked names
};

const FusionWayInfo& Info(FusionWay way);
const FusionRuleInfo& Info(FusionRule rule);
const ObstacleInfo& Info(Obstacle obstacle);
std::span<const ObstacleInfo> Obstacles();

/// The sentence of the table, with `about` where it names something.
std::string Explain(Obstacle obstacle, std::string_view about);

/// The obstacle and what it is about: at most one of `limit`, `tensor` and `group`.
struct Blocked {
  Obstacle obstacle = Obstacle::kNotTried;
  int64_t limit = 0;  ///< that would be exceeded
  int tensor = -1;
  int group = -1;
  /// A value of the reader that stands in the way; inlining is into all readers or none.
  int reader = -1;
};

/// What there is to know to fuse, or why that may not be.
template <typename T>
using Verdict = std::expected<T, Blocked>;

}  // namespace descent
