// InterruptWatch: while it lives, Ctrl-C and SIGTERM are remembered instead of ending the process,
// so that training can save a checkpoint first. A second signal ends the process as usual.
#pragma once

#include <signal.h>

namespace descent::runtime {

class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  bool interrupted() const;

 private:
  struct sigaction old_interrupt_, old_terminate_;
};

}  // namespace descent::runtime
