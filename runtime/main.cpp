// `main` of a produced executable; an archive of its own, so that programs that embed a model keep
// their own.
#include "runtime/trainer_main.h"

extern "C" const descent_program* const descent_main_programs[];  // best first, then null

int main(int argc, char** argv) {
  using namespace descent::runtime;
  return TrainerMain(ProgramsOf(descent_main_programs), argc, argv);
}
