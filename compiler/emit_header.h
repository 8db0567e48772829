// The C header of a compiled model: documented constants, structs and functions over its table.
//
// It needs nothing else: the ABI and the functions of runtime/embedding.h stand in it as text,
// under their own include guards, so that the headers of two models go into one program.
//
//   P_STATE_BYTES, P_TRAIN_STEP_BATCH, P_TRAIN_STEP_SCRATCH_BYTES(threads)
//   struct P_train_step_inputs { const float* x; ... };  struct P_train_step_outputs { float* loss;
//   }; P_initialize, P_train_step, P_evaluate, P_predict, P_metrics, P_run: what the program has
//   P_get, P_set, P_save, P_load, P_set_learning_rate, P_is_supported
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/codegen/scratch.h"
#include "compiler/kernel/program.h"

namespace descent {

struct HeaderOptions {
  std::vector<ScratchBytes> scratch;  ///< one per entry point of the program
  bool has_weights = false;           ///< weights are compiled in
};

std::string EmitHeader(const KernelProgram& program, const HeaderOptions& options);

}  // namespace descent
