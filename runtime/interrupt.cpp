#include "runtime/interrupt.h"

#include <unistd.h>

#include "runtime/status.h"

namespace descent::runtime {
namespace {

volatile sig_atomic_t received = 0, has_begun = 0;

void EndBeforeTheFirstStep(int) {
  constexpr char kLast[] =
      "stopped: interrupted before the first step; no checkpoint was written\n";
  if (!has_begun && write(STDOUT_FILENO, kLast, sizeof(kLast) - 1) < 0) {
    // Nobody listens, and the status says it, too.
  }
  _exit(static_cast<int>(ExitStatus::kInterrupted));
}

void Remember(int) { received = 1; }

auto BeforeTheFirstStep() {
  has_begun = 0;
  return EndBeforeTheFirstStep;
}

auto FromTheFirstStep() {
  has_begun = 1;
  received = 0;
  return Remember;
}

}  // namespace

SignalHandlers::SignalHandlers(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, &old_interrupt_);
  sigaction(SIGTERM, &action, &old_terminate_);
}

SignalHandlers::~SignalHandlers() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
}

InterruptExit::InterruptExit() : handlers_(BeforeTheFirstStep()) {}

InterruptWatch::InterruptWatch() : handlers_(FromTheFirstStep()) {}

bool InterruptWatch::interrupted() const { return received != 0; }

}  // namespace descent::runtime
