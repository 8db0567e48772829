// The C header of a compiled model: documented constants, structs and functions over its table.
//
// It needs nothing else: the ABI and the functions of runtime/embedding.h stand in it as text,
// under their own include guards, so that the headers of two models go into one program.
//
//   constants  P_STATE_BYTES, P_SCRATCH_BYTES(threads), P_TRAIN_STEP_BATCH, ...
//   structs    P_train_step_inputs { const float* x; ... }, P_train_step_outputs { float* loss; }
//   functions  P_initialize, P_train_step, P_evaluate, P_predict, P_metrics, P_run, as there are;
//              P_get, P_set, P_save, P_load, P_set_learning_rate, P_is_supported
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
