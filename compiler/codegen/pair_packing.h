// Packing of factors in bf16, two steps of k side by side, as sums of pairs read them
// (ContractionPlan::pairs). Internal to compiler/codegen (sees LLVM).
//
// The source is an affine read in bf16 or f32 that is contiguous along x (rows k and k + 1 are
// interleaved) or along k (squares of pairs are transposed). Where K is odd its last element is
// paired with 0.
#pragma once

#include "compiler/codegen/contraction_plan.h"
#include "compiler/codegen/kernel_frame.h"
#include "compiler/codegen/packing.h"

namespace descent {

/// lhs: element (m, k) goes to destination[(k - k_low) / 2 * k_stride + (m - x_low) * 2 +
/// (k - k_low) % 2].
void EmitPackPairsOfLhs(KernelFrame& frame, const ContractionPlan& plan, const PackedBlock& block);

/// The columns of one register tile of rhs, laid out in the same way.
void EmitPackPairsOfPanel(KernelFrame& frame, const ContractionPlan& plan,
                          const PackedPanel& panel);

/// Zeros behind rows of k of an odd length: lhs, packed by EmitPackLhs.
void EmitPadOddRows(KernelFrame& frame, const ContractionPlan& plan, const PackedBlock& block);

}  // namespace descent
