// Attention kernels: scaled dot-product attention and its gradients in blocks, so that no T x S
// numbers are ever in memory.
//
// A sweep has an axis on the vector lanes and one it runs along. Forward and for the gradient of
// the queries the lanes are queries and it runs along the keys; for the gradient of keys and values
// it is the other way round. A tile owns `columns` elements on the lanes for one head, transposed
// into scratch, and meets blocks of `rows` elements read where they lie:
//
//   scores[row][column] = sum over the width of row * column        one product of matrices
//   probabilities and gradients of the scores, by columns           vertical, no lane meets another
//   result[width][column] += sum over the rows of row * scores      one product of matrices
//
// Blocks run in ascending order and heads of a group one after another, so that every sum has one
// order. Scratch holds blocks alone: its size does not depend on the lengths.
#pragma once

#include <string>
#include <vector>

#include "compiler/kernel/program.h"
#include "compiler/kernel/target_facts.h"
#include "ir/op_def.h"

namespace descent {

/// A kernel with the tensor of each parameter, before scheduling. Tensors -1 stand for results that
/// nobody reads and masks that are not there; they are no parameters.
struct AttentionKernel {
  Kernel kernel;
  std::vector<int> tensors;
};

/// Operands q, k, v and perhaps a mask; results out and logsumexp (-1: not wanted).
AttentionKernel MakeAttention(const OpContext& op, const std::vector<int>& operands,
                              const std::vector<int>& results);
/// Operands q, k, v, lse, g, delta and perhaps a mask. Query gradient: results {dq}; key gradient:
/// {dk, dv}.
AttentionKernel MakeAttentionGradient(const OpContext& op, AttentionSweep sweep,
                                      const std::vector<int>& operands,
                                      const std::vector<int>& results);

/// How a sweep is cut on a target, and where its blocks lie in scratch (offsets in bytes).
struct AttentionPlan {
  DType dtype = DType::kF32;
  int64_t lanes = 8;
  int64_t columns = 0;  ///< of a tile: whole vectors
  int64_t rows = 0;     ///< of a block
  int64_t register_m = 1, register_n = 8;
  int64_t column_extent = 0, row_extent = 0;  ///< lengths of the two axes
  int64_t tiles_per_head = 0, tiles = 0;
  int64_t first = 0, second = 0;            ///< transposed operands [width or value width][columns]
  int64_t scores = 0, gradient = 0;         ///< [rows][columns]
  int64_t first_sum = 0, second_sum = 0;    ///< transposed results [width or value width][columns]
  int64_t row_a = 0, row_b = 0, row_c = 0;  ///< [columns]
  int64_t scratch_bytes = 0;
};
AttentionPlan PlanAttention(const Kernel& kernel, const TargetFacts& facts);

void ScheduleAttention(Kernel& kernel, const TargetFacts& facts);

/// "attention: 8 heads of 2 ..."
std::string PrintForm(const Kernel& kernel, const AttentionForm& form);

}  // namespace descent
