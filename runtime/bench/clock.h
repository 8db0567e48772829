// Seconds since the machine started: the same for all processes.
#pragma once

#include <time.h>

namespace descent::runtime {

inline double Seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace descent::runtime
