// What the processor could do at most: multiply-adds that wait for nothing, and bytes that move.
//
//   auto executor = Executor::Make(2, BindCaller::kYes);
//   const double gflops = MeasureFmaPeak(**executor, 0.2);   // of both threads together
//
// Both run on the threads of an executor, so a share of a peak compares like with like. What others
// run beside them lowers single rounds; the best round counts.
#pragma once

#include <cstdint>

#include "runtime/executor.h"

namespace descent::runtime {

/// GFLOP/s of f32 multiply-adds in registers, with the widest vectors that this CPU has.
double MeasureFmaPeak(const Executor& executor, double seconds);

/// GB/s, read and written counted apart, of copying one half of a block of `bytes` to the other. A
/// block as large as what a program works on lies in the same caches. 0 when there is no memory for
/// it.
double MeasureBandwidth(const Executor& executor, int64_t bytes, double seconds);

}  // namespace descent::runtime
