// The innermost loop of contractions: a register tile of sums of products. Internal to
// compiler/codegen (sees LLVM).
#pragma once

#include <functional>
#include <optional>

#include "compiler/codegen/contraction_plan.h"
#include "compiler/codegen/function_emitter.h"

namespace descent {

/// partial[i][j] (+)= sum over k of lhs[i][k] * rhs[k][j], i < rows, j < columns. The sum starts
/// from 0 and runs in ascending k with one rounding a step; of pairs (ContractionPlan::pairs) with
/// two.
///
/// K may be a sequence of runs of equal length: where lhs lies in each is then a function of its
/// number, rhs continues.
struct Runs {
  llvm::Value* first = nullptr;
  llvm::Value* count = nullptr;
  int64_t steps = 0;                                   ///< of one
  std::function<llvm::Value*(llvm::Value*)> lhs = {};  ///< address of row 0 by number
};

struct MicroKernel {
  int64_t rows = 0;
  int64_t columns = 0;
  bool mask_columns = false;   ///< rhs must not be read past `columns`
  llvm::Value* lhs = nullptr;  ///< element [0][0] of each
  llvm::Value* rhs = nullptr;
  llvm::Value* partial = nullptr;
  llvm::Value* steps = nullptr;   ///< extent of k, in steps of the micro-kernel
  std::optional<Runs> runs;       ///< instead of `lhs` and `steps`
  llvm::Value* resume = nullptr;  ///< i1: add to `partial` instead of overwriting it; null: never
  /// Fetches what belongs to a row (its number, from 0) and is wanted later; called between the
  /// steps.
  std::function<void(llvm::Value*)> prefetch = {};
};

void EmitMicroKernel(FunctionEmitter& f, const ContractionPlan& plan, const MicroKernel& kernel);

}  // namespace descent
