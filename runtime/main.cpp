// `main` of a produced executable; an archive of its own, so that programs that embed a model keep
// their own.
#include "runtime/trainer_main.h"

extern "C" const descent_program descent_main_program;

int main(int argc, char** argv) {
  return descent::runtime::TrainerMain(&descent_main_program, argc, argv);
}
