// How much scratch an entry point needs on a target: what descent_entry says and headers repeat.
#pragma once

#include <cstdint>

#include "compiler/codegen/target.h"
#include "compiler/kernel/program.h"

namespace descent {

/// A call needs fixed_bytes + threads * worker_bytes; both are multiples of 64.
struct ScratchBytes {
  int64_t fixed_bytes = 0;   ///< the arena, and what is kept free behind it
  int64_t worker_bytes = 0;  ///< the largest of its kernels, and likewise
};
ScratchBytes ScratchBytesOf(const KernelProgram& program, const EntryProgram& entry,
                            const Target& target);

}  // namespace descent
