// Attention kernels: see compiler/kernel/attention.h. Internal to compiler/codegen (sees LLVM).
//
// Products are register tiles of the contraction generator's micro-kernel, everything else is
// loop nests over the blocks in scratch.
#pragma once

#include "compiler/codegen/kernel_frame.h"

namespace descent {

void EmitAttentionKernel(llvm::Module& module, const Target& target, const Kernel& kernel);
int64_t AttentionScratchBytes(const Kernel& kernel, const Target& target);
int64_t AttentionTiles(const Kernel& kernel, const Target& target);

}  // namespace descent
