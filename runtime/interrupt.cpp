#include "runtime/interrupt.h"

#include "runtime/status.h"

namespace descent::runtime {
namespace {

volatile sig_atomic_t received = 0, has_begun = 0;

/// What EndBeforeTheFirstStep says and where; set before it can be called.
std::string_view last_line;
int last_descriptor = STDOUT_FILENO;

void EndBeforeTheFirstStep(int) {
  if (!has_begun && write(last_descriptor, last_line.data(), last_line.size()) < 0) {
    // Nobody listens, and the status says it, too.
  }
  _exit(static_cast<int>(ExitStatus::kInterrupted));
}

void Remember(int) { received = 1; }

void RememberOnce(int) {
  received = 1;
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
}

auto BeforeTheFirstStep(std::string_view line, int descriptor) {
  last_line = line;
  last_descriptor = descriptor;
  has_begun = 0;
  return EndBeforeTheFirstStep;
}

auto FromTheFirstStep(SecondSignal second) {
  has_begun = 1;
  received = 0;
  return second == SecondSignal::kEnds ? RememberOnce : Remember;
}

}  // namespace

SignalHandlers::SignalHandlers(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &old_interrupt_);
  sigaction(SIGTERM, &action, &old_terminate_);
}

SignalHandlers::~SignalHandlers() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
}

InterruptExit::InterruptExit(std::string_view last_line, int descriptor)
    : handlers_(BeforeTheFirstStep(last_line, descriptor)) {}

void InterruptWatch::Begin(SecondSignal second) { handlers_.emplace(FromTheFirstStep(second)); }

bool InterruptWatch::interrupted() const { return received != 0; }

}  // namespace descent::runtime
