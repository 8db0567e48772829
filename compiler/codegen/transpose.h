// Transposition of dense blocks in memory. Internal to compiler/codegen (sees LLVM).
#pragma once

#include <vector>

#include "compiler/codegen/function_emitter.h"

namespace descent {

/// As many vectors as lanes: rows become columns in log2(lanes) rounds of exchanges.
void TransposeSquare(FunctionEmitter& f, std::vector<llvm::Value*>& vectors);

/// A block whose rows lie `stride` elements apart.
struct StridedBlock {
  llvm::Value* base = nullptr;
  int64_t stride = 0;
};

/// target[column][row] = source[row][column], row < rows, column < columns. Whole squares of lanes
/// x lanes by shuffles, the edges element by element.
void EmitTranspose(FunctionEmitter& f, DType dtype, const StridedBlock& source,
                   const StridedBlock& target, int64_t rows, int64_t columns);

}  // namespace descent
