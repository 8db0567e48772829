// Contractions (matmul, batched matmul, convolution): packed blocks, a register-tiled micro-kernel,
// and the stage's results evaluated on each finished register tile. Internal to compiler/codegen
// (sees LLVM).
#pragma once

#include "compiler/codegen/kernel_frame.h"

namespace descent {

void EmitContractionKernel(llvm::Module& module, const Target& target, const Kernel& kernel);

int64_t ContractionScratchBytes(const Kernel& kernel, const Target& target);
/// The emitter cuts its own tiles: those of the schedule rounded to whole rows of grouped axes.
int64_t ContractionTiles(const Kernel& kernel, const Target& target);

}  // namespace descent
