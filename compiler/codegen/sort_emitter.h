// Sort kernels: the places that elements take in stable sorted order along an axis, by merging.
// Internal to compiler/codegen (sees LLVM).
//
// What is sorted are unsigned numbers: a key that has the order of the elements (NaN last; falling
// order inverts it) above the element's place. So no two are equal, the order is one, and ties keep
// the order of their places. It does not matter either how the sorting is cut: runs may be sorted
// anywhere, and a merge cut in two at a place of its result gives the same entries.
#pragma once

#include "compiler/codegen/kernel_frame.h"

namespace descent {

void EmitSortKernel(llvm::Module& module, const Target& target, const Kernel& kernel);

}  // namespace descent
