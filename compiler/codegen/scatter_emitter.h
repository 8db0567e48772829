// Scatter kernels: destination[index[u], ...] is combined with update[u, ...] in the order of u.
// Internal to compiler/codegen (sees LLVM).
//
// A tile owns a range of the destination's rows. It goes through all updates, or through those that
// a kernel of buckets has sorted for it, in the same order: every sum has one order, whatever the
// number of threads. An index outside of the destination drops its update and sets
// DESCENT_STATUS_BAD_INDEX.
#pragma once

#include "compiler/codegen/kernel_frame.h"

namespace descent {

void EmitScatterKernel(llvm::Module& module, const Target& target, const Kernel& kernel);
/// Each tile sorts a chunk of the updates by counting. Needed only where tiles run in parallel.
void EmitBucketsKernel(llvm::Module& module, const Target& target, const Kernel& kernel);

}  // namespace descent
