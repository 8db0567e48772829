// NestEmitter: one loop nest over scalars (a Stage bound to memory) as vectorized IR. It is the
// engine of loop kernels and of the packing and epilogue of contractions. Internal to
// compiler/codegen (sees LLVM).
//
// One axis is chosen to lie on the vector lanes: a parallel one, or a reduced one whose states
// combine in any order. The choice, the number of lanes and the order of a sum depend on extents
// and target only, so results have the same bits however the ranges are cut into tiles. Reads of
// invariant values are done in the outermost loop possible. No lane reads out of bounds: guards,
// edges and unchecked indices turn into masks or into reads of a block of zeros.
#pragma once

#include <vector>

#include "compiler/codegen/function_emitter.h"
#include "compiler/kernel/program.h"

namespace descent {

/// A tensor in memory. Strides are in elements.
struct Memory {
  llvm::Value* base = nullptr;
  DType dtype = DType::kF32;
  std::vector<int64_t> extents, strides;
};
Memory RowMajor(llvm::Value* base, const TensorType& type);

struct NestRead {
  std::vector<Index> coordinates;
  std::vector<Guard> guards;
  Scalar outside;
  Memory memory;
  llvm::Value* scalar = nullptr;  ///< instead of memory: a value that is the same at all points
};

struct NestStore {
  int result = 0;
  std::vector<Index> coordinates;
  Memory memory;
  llvm::AllocaInst* variable = nullptr;  ///< instead of memory: a scalar
};

/// Axes are numbered as in the stage: `outer.size()` fixed ones, then the nest's own, `parallel` of
/// them parallel.
struct Nest {
  Shape extents;                    ///< of all axes
  std::vector<llvm::Value*> outer;  ///< values of the fixed axes
  int parallel = 0;
  /// Range of each own axis; empty: the whole extent. `low` of a cut axis is a multiple of
  /// `low_multiple`.
  struct Range {
    llvm::Value* low = nullptr;
    llvm::Value* high = nullptr;
    int64_t low_multiple = 1;
  };
  std::vector<Range> ranges;
  std::vector<NestRead> reads;
  const Reducer* reducer = nullptr;
  std::vector<Scalar> results;
  std::vector<NestStore> stores;
  /// i32 variable that collects DESCENT_STATUS_* bits; needed when coordinates use reads or a
  /// value is asserted.
  llvm::AllocaInst* status = nullptr;

  int first_own() const { return static_cast<int>(outer.size()); }
};

void EmitNest(FunctionEmitter& f, const Nest& nest);

}  // namespace descent
