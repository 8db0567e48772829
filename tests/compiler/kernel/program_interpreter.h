// Runs a KernelProgram without generated code: stages point by point on byte buffers at their
// planned offsets, rows of the outer axes one after another, loops included. The arena starts as
// NaNs, so what is read before it is written shows.
#pragma once

#include <span>
#include <vector>

#include "compiler/kernel/program.h"
#include "ir/tensor.h"

namespace descent {

struct ProgramRun {
  std::vector<Tensor> outputs;  ///< in the order of EntryProgram::outputs
  bool bad_index = false;
  bool not_finite = false;
};

/// `state` has program.state_bytes and is updated in place.
ProgramRun RunProgram(const KernelProgram& program, const EntryProgram& entry,
                      std::span<std::byte> state, std::span<const Tensor> inputs,
                      int64_t valid_rows = 0);

}  // namespace descent
