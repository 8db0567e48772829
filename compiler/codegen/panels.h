// Loops over the panels of a block: runs of register tiles of equal size. Internal to
// compiler/codegen (sees LLVM).
#pragma once

#include <functional>

#include "compiler/codegen/contraction_plan.h"
#include "compiler/codegen/function_emitter.h"

namespace descent {

/// Covers a block that starts at `low` with the panels of `usual`, or of `last` where `is_last`
/// holds; `body` gets the place and the size of each.
void EmitPanels(FunctionEmitter& f, llvm::Value* low, const Panels& usual, const Panels& last,
                llvm::Value* is_last, const std::function<void(llvm::Value*, int64_t)>& body);

}  // namespace descent
