// Packing: a block of a contraction's factor, evaluated through its index maps, guards and
// prologue, as a row-major block in scratch. Internal to compiler/codegen (sees LLVM).
#pragma once

#include "compiler/codegen/contraction_plan.h"
#include "compiler/codegen/kernel_frame.h"

namespace descent {

/// [x_low, x_high) x [k_low, k_high) of lhs (x is m) or rhs (x is n) at one batch index. Element
/// (x, k) goes to destination[(x - x_low) * x_stride + (k - k_low) * k_stride].
struct PackedBlock {
  llvm::Value* batch;
  llvm::Value* x_low;
  llvm::Value* x_high;
  llvm::Value* k_low;
  llvm::Value* k_high;
};

void EmitPackLhs(KernelFrame& frame, const ContractionPlan& plan, const PackedBlock& block);
void EmitPackRhs(KernelFrame& frame, const ContractionPlan& plan, const PackedBlock& block);

/// A read of the stage as a read of a nest with other axes: original axis i is `axes[i]`.
NestRead SubstituteRead(KernelFrame& frame, const StageRead& read, std::span<const Index> axes);

}  // namespace descent
