// Which axis of each value holds the rows of the batch.
//
// A value has batch axis `a` if its slice r along `a` depends on slice r of the batched inputs and
// on no other row. The analysis reads the index maps of `define`; composites are judged by their
// expansion, loops by their body. It names no operator.
//
//   x: f32[batch, 2]; matmul(x, W) has batch axis 0; matmul(W, transpose(x)) has 1; mean(x) mixes
//   rows
//
// Exporters lay rows and other axes together: attention the heads of a row, reshape
// f32[batch, heads, steps, width] -> [batch heads, steps, width], and a linear layer the steps,
// [steps, batch, width] -> [steps batch, width]. Slices of that axis belong to one row each.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/model.h"

namespace descent {

inline constexpr int kNoBatchAxis = -1;

/// Slice i along the axis belongs to row i / block, modulo `period` where there is one.
struct RowLayout {
  int64_t block = 1, period = 0;
  /// Slice i is row i.
  bool plain() const { return block == 1 && period == 0; }
  bool operator==(const RowLayout&) const = default;
};

struct RowFlow {
  std::vector<int> axes;  ///< one per result; kNoBatchAxis where rows do not stand along an axis
  std::vector<RowLayout> layouts;  ///< one per result: of the axis
  bool mixes = false;  ///< some row of a result depends on another row, or on all of them
  std::string where;   ///< when it mixes: the operator inside the expansion that does
};

/// How one node carries rows. `operand_axes` has one entry per operand; `operand_layouts`, too, or
/// none where all are plain.
RowFlow FlowOfRows(const OpDef& op, std::span<const TensorType> operands,
                   const Attributes& attributes, std::span<const int> operand_axes,
                   std::span<const RowLayout> operand_layouts = {});

/// Every node of `graph`, given the batch axes of its inputs.
std::vector<RowFlow> FlowOfRows(const Graph& graph, std::span<const int> input_axes);

/// Batch axes of the graph's inputs, as the model's bindings say.
std::vector<int> InputBatchAxes(const Model& model);

/// Batch axis of every graph output of a specialized model, in order; kNoBatchAxis where it has
/// none, or not a plain one.
std::vector<int> OutputBatchAxes(const Model& model);

}  // namespace descent
