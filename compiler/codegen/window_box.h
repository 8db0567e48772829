// The box of a windowed factor: filling it, and where rows and runs of k lie in it. Internal to
// compiler/codegen (sees LLVM).
#pragma once

#include "compiler/codegen/contraction_plan.h"
#include "compiler/codegen/kernel_frame.h"

namespace descent {

/// Copies the part that the rows from `m_low` and the columns from `k_low` on need; what lies
/// outside the parameter is 0.
void EmitPackBox(KernelFrame& frame, const ContractionPlan& plan, llvm::Value* batch,
                 llvm::Value* m_low, llvm::Value* k_low);

/// Element of the box at which row `number` of the tile begins, at the first column of the box.
llvm::Value* BoxRow(FunctionEmitter& f, const ContractionPlan& plan, llvm::Value* number);
/// What run `number` of k adds to that.
llvm::Value* BoxRun(FunctionEmitter& f, const ContractionPlan& plan, llvm::Value* number);

}  // namespace descent
