// How long a call of an entry point takes, on a machine where other things run, too.
#pragma once

#include <cstdint>

#include "runtime/bench/workload.h"

namespace descent::runtime {

struct StepTimes {
  double median = 0, least = 0;  ///< seconds of a call
  int64_t steps = 0;
  double loss = 0;  ///< of the last call
};

/// Of a workload that is warm. Calls are timed one by one; those that take less than 50 us in
/// groups that take that long, so that neither reading the clock nor remembering times costs
/// anything.
Result<StepTimes> TimeSteps(Workload& workload, double seconds);

/// Seconds of the fastest call, by ComparableSeconds.
Result<double> TimeFastestStep(Workload& workload, double seconds);

}  // namespace descent::runtime
