// An executable as `descent compile` makes it, around the hand-written program.
//   FAKE_STEP_MICROSECONDS slows every step, so that a test can interrupt it.
//   FAKE_INITIALIZE_SIGNAL is sent to the process itself while it initializes.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "runtime/trainer_main.h"
#include "tests/runtime/fake_program.h"

int main(int argc, char** argv) {
  static useconds_t pause = 0;
  if (const char* text = std::getenv("FAKE_STEP_MICROSECONDS")) {
    pause = static_cast<useconds_t>(std::atoi(text));
    descent::runtime::fake_step_hook = [](int64_t) { usleep(pause); };
  }
  static int signal_number = 0;
  if (const char* text = std::getenv("FAKE_INITIALIZE_SIGNAL")) {
    signal_number = std::atoi(text);
    descent::runtime::fake_initialize_hook = [] { raise(signal_number); };
  }
  const descent_program* program = descent::runtime::FakeProgram();
  return descent::runtime::TrainerMain({&program, 1}, argc, argv);
}
