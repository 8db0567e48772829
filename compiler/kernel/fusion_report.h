// FusionReport: why the kernels of an entry point are what they are, in names. Filled by LowerEntry
// when it is asked for.
//
//   FusionReport report;
//   DESCENT_TRY(entry, LowerEntry(model, program, {.fusion = &report}));
//   for (const FusionPair& pair : report.pairs) ...
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compiler/kernel/fuse.h"

namespace descent {

/// A kernel call, or the calls inside a loop or branch, numbered as ListSteps does.
struct FusionParty {
  enum class Kind : uint8_t { kKernel, kLoop, kBranch };
  Kind kind = Kind::kKernel;
  int first_call = -1, last_call = -1;
  int64_t trip_count = 0;  ///< of a loop
};

/// The calls from `first_call` until before `end` that a group has become; none are no party.
FusionParty PartyOf(const FusedGroup& group, int first_call, int end);

/// Values that came into a kernel, and the value there that they joined.
struct JoinedValues {
  FusionRule rule;
  std::vector<std::string> values;
  std::string with;
};

/// How the parts of the kernel of a call came together; not in the report if it has one part.
struct KernelParts {
  int call = -1;
  std::vector<std::string> covers;  ///< all values that it computes
  std::vector<JoinedValues> joined;
};

/// Why one way to make one kernel of two is not gone.
struct FusionFinding {
  FusionWay way;
  Obstacle obstacle;
  std::vector<std::string> values;  ///< of inlining: which values it is about
  std::string reader;   ///< of inlining: the reader that stands in the way, if it is another one
  std::string about;    ///< the value or the number that the obstacle names, or ""
  FusionParty through;  ///< or the kernel that it names; without calls if it names none
};

/// Two neighbours: `writer` writes `values`, which `reader` reads or waits for.
struct FusionPair {
  FusionParty writer, reader;
  std::vector<std::string> values;
  std::vector<FusionFinding> findings;  ///< by way
};

struct FusionReport {
  std::vector<KernelParts> kernels;  ///< by call
  std::vector<FusionPair> pairs;     ///< by calls of the writer, then of the reader

  /// Adds what was decided about a region. `parties` are its groups; those without calls do
  /// nothing.
  void Add(const RegionFusion& notes, std::span<const FusedGroup> groups,
           std::span<const FusionParty> parties, const TensorTable& tensors);
  /// Adds that call `reader` only copies what call `writer` wrote over `older`.
  void AddCopy(int writer, int reader, std::string value, std::string older);
  /// To be called behind the last region.
  void Sort();
};

}  // namespace descent
