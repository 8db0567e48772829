// How a contraction is cut: which factor lies on the vector lanes, the register tile, the blocks of
// M, N and K.
//
//   ScheduleContraction(kernel, facts);                      // the cheapest by the cost model
//   for (const ContractionChoice& choice : TileChoices(kernel, facts)) {
//     Kernel other = kernel;
//     if (ApplyChoice(other, choice, facts).empty()) ...     // another way to compute the same
//   }
//
// The cost model ranks what this file generates and takes the first; what may be chosen instead, by
// measuring (compiler/tuning.h), are others of the same list, so every choice could have been the
// model's. Blocks of K decide in which order a sum is rounded and are no part of a choice.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/kernel/program.h"
#include "compiler/kernel/target_facts.h"

namespace descent {

/// A contraction's groups M and N without regard to which one lies on the lanes: the columns are
/// those with the innermost of all their axes, as the results mostly lie in memory.
enum class LaneGroup : uint8_t { kColumns, kRows };

struct ContractionChoice {
  LaneGroup lanes = LaneGroup::kColumns;
  // Of the group off the lanes (m) and of that on the lanes (n), in elements.
  int64_t register_m = 0, register_n = 0;
  int64_t block_m = 0, block_n = 0;
  bool parallel = false;
  bool operator==(const ContractionChoice&) const = default;
};

/// Roles as they are with the columns on the lanes.
ContractionForm ColumnsOnLanes(ContractionForm form);

/// Sets roles, `schedule` and `scratch_bytes` by the cost model.
void ScheduleContraction(Kernel& kernel, const TargetFacts& target);

/// What a scheduled kernel does.
ContractionChoice ChoiceOf(const Kernel& kernel);

/// The choices that differ from `kernel`'s in the register tile or in the lanes, each with the
/// blocks that the model takes for it, cheapest first. At most `most` for either lane group.
std::vector<ContractionChoice> TileChoices(const Kernel& kernel, const TargetFacts& target,
                                           int64_t most);

/// Those with the register tile and lanes of `kernel`'s and other blocks: about 1/8 to 8 times as
/// many along either group, the cheapest `most` first; and the same blocks on one thread or on all,
/// where the work is near the bound from which on threads share it.
std::vector<ContractionChoice> BlockChoices(const Kernel& kernel, const TargetFacts& target,
                                            int64_t most);

/// Schedules a kernel as chosen. "" if that is done, or why the generator makes no such choice, as
/// in "a register tile of 40x64 has more than the 32 vector registers".
std::string ApplyChoice(Kernel& kernel, const ContractionChoice& choice, const TargetFacts& target);

}  // namespace descent
