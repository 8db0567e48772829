// Prefix kernels: a state carried along an axis, for rows of neighbouring elements at once.
// Internal to compiler/codegen (sees LLVM).
#pragma once

#include "compiler/codegen/kernel_frame.h"

namespace descent {

void EmitPrefixKernel(llvm::Module& module, const Target& target, const Kernel& kernel);

}  // namespace descent
