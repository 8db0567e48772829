// The fastest schedule of a contraction that the generator makes, found by measuring.
//
// Versions run in turn, round by round, so that what else the machine does falls on all of them,
// and are judged by the least time of a round; those that are clearly slower than the best drop
// out. First tiles and lanes race, then blocks with the winner's tile. What won then runs beside
// the model's schedule once more, in rounds that took no part in choosing it: only if its time is
// below by more than noise explains, in most rounds and in the best one, it is taken.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "compiler/codegen/target.h"
#include "compiler/kernel/contraction_schedule.h"
#include "compiler/kernel/program.h"
#include "ir/diagnostic.h"
#include "runtime/executor.h"
#include "runtime/interrupt.h"

namespace descent::cli {

struct SearchSetting {
  const Target* target = nullptr;
  const runtime::Executor* executor = nullptr;
  const runtime::InterruptWatch* watch = nullptr;
  int64_t working_set_bytes = 0;
};

struct SearchResult {
  ContractionChoice choice;               ///< the model's where no other is faster
  double usual_seconds = 0, seconds = 0;  ///< of a call, as the model schedules it and as chosen
  /// All that were measured beside the model's, in the order of the search, with the least seconds.
  std::vector<std::pair<ContractionChoice, double>> others;
};

/// `usual_seconds` alone, without a search.
Result<double> TimeAsScheduled(const Kernel& kernel, const KernelCall& call,
                               const SearchSetting& setting);

/// In about `seconds`, and at least a few rounds. An interrupt gives a kInterrupted diagnostic.
Result<SearchResult> SearchChoice(const Kernel& kernel, const KernelCall& call, double seconds,
                                  const SearchSetting& setting);

}  // namespace descent::cli
