// What Ctrl-C and SIGTERM do to training. A second signal ends the process as usual.
#pragma once

#include <signal.h>

namespace descent::runtime {

/// Handlers of both signals, and those that were there before.
class SignalHandlers {
 public:
  explicit SignalHandlers(void (*handler)(int));
  ~SignalHandlers();
  SignalHandlers(const SignalHandlers&) = delete;
  SignalHandlers& operator=(const SignalHandlers&) = delete;

 private:
  struct sigaction old_interrupt_, old_terminate_;
};

/// Before the first step, while data is read and the state initialized, there is nothing to save:
/// the process says so in its last line and ends at once with kInterrupted.
class InterruptExit {
 public:
  InterruptExit();

 private:
  SignalHandlers handlers_;
};

/// While it lives, inside an InterruptExit or alone, the signals are remembered instead of ending
/// the process, so that training can save a checkpoint first.
class InterruptWatch {
 public:
  InterruptWatch();
  bool interrupted() const;

 private:
  SignalHandlers handlers_;
};

}  // namespace descent::runtime
