// Loop kernels: stages one after another inside the outer loops, each a vectorized nest. Internal
// to compiler/codegen (sees LLVM).
#pragma once

#include "compiler/codegen/kernel_frame.h"

namespace descent {

void EmitLoopKernel(llvm::Module& module, const Target& target, const Kernel& kernel);

/// Worker scratch that the kernel's locals take.
int64_t LocalBytes(const Kernel& kernel);

}  // namespace descent
