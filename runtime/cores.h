// The cores a thread may run on.
#pragma once

#include <sched.h>

#include <algorithm>
#include <cstdint>

namespace descent::runtime {

class CoreSet {
 public:
  static CoreSet OfThisThread() {
    CoreSet cores;
    if (sched_getaffinity(0, sizeof(cores.set_), &cores.set_) != 0) CPU_SET(0, &cores.set_);
    return cores;
  }

  int32_t count() const { return std::max(1, CPU_COUNT(&set_)); }

  /// The set of its `index`-th core alone.
  CoreSet Only(int32_t index) const {
    CoreSet one;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set_) && index-- == 0) CPU_SET(cpu, &one.set_);
    }
    return one;
  }

  /// Moves the calling thread there. Where the system refuses, the thread stays where it is:
  /// placement changes speed, never results.
  void Bind() const { sched_setaffinity(0, sizeof(set_), &set_); }

 private:
  CoreSet() { CPU_ZERO(&set_); }
  cpu_set_t set_;
};

}  // namespace descent::runtime
