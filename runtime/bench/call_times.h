// Where the time of a call of an entry point goes. A program that is compiled for it
// (CodegenOptions::reports_calls) calls descent_kernel_done after each kernel.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/bench/workload.h"

namespace descent::runtime {

struct CallTimes {
  std::vector<double> seconds;  ///< of each kernel call, by number; of those in a loop their sum
  double between = 0;           ///< in the entry point, but in none of its kernels
  int64_t steps = 0;
};

/// Medians over what runs in `seconds`, after three calls that warm up. Reading the clock costs
/// each kernel call some 20 ns.
Result<CallTimes> TimeCalls(Workload& workload, double seconds);

}  // namespace descent::runtime

/// Kernel calls of an entry point are numbered in the order of its step tree.
extern "C" void descent_kernel_done(int32_t call);
