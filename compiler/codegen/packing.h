// Packing: a part of a contraction's factor as a dense block in scratch. Internal to
// compiler/codegen (sees LLVM).
//
// A block is evaluated through the factor's index maps, guards and prologue. A panel, the columns
// of one register tile, is copied from an affine source, transposed where that is contiguous along
// k.
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

/// Where k_low lies, in elements from k = 0.
llvm::Value* OffsetOfK(FunctionEmitter& f, const FlatAddress& address, llvm::Value* k_low);

/// Columns [n_low, n_low + columns) of rhs: element (n, k) goes to
/// destination[(k - k_low) * register_n + n - n_low], the place of panel `number` in scratch.
struct PackedPanel {
  llvm::Value* batch;
  llvm::Value* n_low;
  int64_t columns;
  llvm::Value* k_low;
  llvm::Value* k_high;
  llvm::Value* number;
};

llvm::Value* PanelAddress(KernelFrame& frame, const ContractionPlan& plan, llvm::Value* number);
void EmitPackPanel(KernelFrame& frame, const ContractionPlan& plan, const PackedPanel& panel);
/// Rows of the source that hold a panel: steps of k, or its columns where it is transposed.
int64_t PrefetchedRows(const ContractionPlan& plan, const PackedPanel& panel);
/// Brings those with numbers in [first, first + count) towards the second-level cache; neither the
/// rows nor the panel need exist.
void EmitPrefetchPanel(KernelFrame& frame, const ContractionPlan& plan, const PackedPanel& panel,
                       llvm::Value* first, llvm::Value* count);

/// A read of the stage as a read of a nest with other axes: original axis i is `axes[i]`.
NestRead SubstituteRead(KernelFrame& frame, const StageRead& read, std::span<const Index> axes);

}  // namespace descent
