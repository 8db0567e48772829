// Fetches ahead what the epilogue of a contraction reads and overwrites. Internal to
// compiler/codegen (sees LLVM).
#pragma once

#include "compiler/codegen/contraction_plan.h"
#include "compiler/codegen/kernel_frame.h"

namespace descent {

/// Columns [column, column + columns) of one row of the results at one batch index.
struct ResultRow {
  llvm::Value* batch;
  llvm::Value* row;
  llvm::Value* column;
  int64_t columns;
};

/// Brings the row's cache lines of all parameters of the epilogue that are contiguous along n
/// towards the first-level cache.
void EmitPrefetchEpilogue(KernelFrame& frame, const ContractionPlan& plan, const ResultRow& row);

}  // namespace descent
