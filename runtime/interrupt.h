// What Ctrl-C and SIGTERM do to training. A second signal ends the process as usual.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <string_view>

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

inline constexpr std::string_view kStoppedBeforeTheFirstStep =
    "stopped: interrupted before the first step; no checkpoint was written\n";

/// Before the first step, while data is read and the state initialized, there is nothing to save:
/// the process says so in its last line and ends at once with kInterrupted. A command that does not
/// train gives a last line of its own, which must outlive the process's handlers.
class InterruptExit {
 public:
  explicit InterruptExit(std::string_view last_line = kStoppedBeforeTheFirstStep,
                         int descriptor = STDOUT_FILENO);

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
