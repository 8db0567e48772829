// Which axis of each value holds the rows of the batch.
//
// A value has batch axis `a` if its slice r along `a` depends on slice r of the batched inputs and
// on no other row. The analysis reads the index maps of `define`; composites are judged by their
// expansion, loops by their body. It names no operator.
//
//   x: f32[batch, 2]; matmul(x, W) has batch axis 0; matmul(W, transpose(x)) has 1; mean(x) mixes
//   rows
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/model.h"

namespace descent {

inline constexpr int kNoBatchAxis = -1;

struct RowFlow {
  std::vector<int> axes;  ///< one per result; kNoBatchAxis where rows do not stand along an axis
  bool mixes = false;     ///< some row of a result depends on another row, or on all of them
  std::string where;      ///< when it mixes: the operator inside the expansion that does
};

/// How one node carries rows. `operand_axes` has one entry per operand.
RowFlow FlowOfRows(const OpDef& op, std::span<const TensorType> operands,
                   const Attributes& attributes, std::span<const int> operand_axes);

/// Every node of `graph`, given the batch axes of its inputs.
std::vector<RowFlow> FlowOfRows(const Graph& graph, std::span<const int> input_axes);

/// Batch axes of the graph's inputs, as the model's bindings say.
std::vector<int> InputBatchAxes(const Model& model);

/// Batch axis of every graph output of a specialized model, in order; kNoBatchAxis where it has
/// none.
std::vector<int> OutputBatchAxes(const Model& model);

}  // namespace descent
