// Seconds since the machine started, the same for all processes, and of the processor.
#pragma once

#include <time.h>

#include <cstdint>

namespace descent::runtime {

inline double SecondsOn(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
inline double Seconds() { return SecondsOn(CLOCK_MONOTONIC); }

/// What compares kernels that run on so many threads: of one alone the time that it ran, so that it
/// may share its core with others.
inline double ComparableSeconds(int32_t threads) {
  return SecondsOn(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC);
}

}  // namespace descent::runtime
