// What Ctrl-C and SIGTERM do to training, and to the commands that compile.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <optional>
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
/// Where there is one of before.
inline constexpr std::string_view kStoppedWithOldCheckpoint =
    "stopped: interrupted before the first step; the checkpoint stays as it was\n";

/// Before the first step, while data is read, the state initialized and the log opened, there is
/// nothing to save: the process says so in its last line and ends at once with kInterrupted. A
/// command that does not train gives a last line of its own, which must outlive the process's
/// handlers.
class InterruptExit {
 public:
  explicit InterruptExit(std::string_view last_line = kStoppedBeforeTheFirstStep,
                         int descriptor = STDOUT_FILENO);

 private:
  SignalHandlers handlers_;
};

/// What a second signal, of either kind, does while the first is remembered.
enum class SecondSignal : uint8_t {
  kEnds,  ///< the process, as usual: training may wait for the reader of a pipe that its log goes
          ///< to
  kWaits  ///< as the first: what is left to do is short, and ends with temporary files
};

/// While it lives, or from Begin on, inside an InterruptExit or alone, the signals are remembered
/// instead of ending the process, so that training can save a checkpoint first.
class InterruptWatch {
 public:
  explicit InterruptWatch(SecondSignal second) { Begin(second); }
  explicit InterruptWatch(std::defer_lock_t) {}
  void Begin(SecondSignal second = SecondSignal::kEnds);
  bool interrupted() const;

 private:
  std::optional<SignalHandlers> handlers_;
};

}  // namespace descent::runtime
