// Which axis of each value holds the rows of the batch.
//
// A value has batch axis `a` if its slice r along `a` depends on slice r of the batched inputs and
// on no other row. The analysis reads the index maps of `define`; composites are judged by their
// expansion, loops by their body. It names no operator.
//
//   x: f32[batch, 2]; matmul(x, W) has batch axis 0; matmul(W, transpose(x)) has 1; mean(x) mixes
//   rows
//
// A reshape may merge the batch with other axes, as heads of attention or the positions of
// sequences, and later take it out again.
//
//   x: f32[batch, 5, 2]; reshape(x, shape=[-1, 2]) has axis 0, with 5 positions for each row
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/model.h"

namespace descent {

inline constexpr int kNoBatchAxis = -1;

/// Row r stands at each position p of `axis` with p / stride % rows = r; the axis has
/// blocks * rows * stride positions. A plain one has a position for each row.
struct BatchAxis {
  int axis = kNoBatchAxis;
  int64_t stride = 1, blocks = 1;

  BatchAxis(int axis = kNoBatchAxis, int64_t stride = 1, int64_t blocks = 1)  // NOLINT: a plain one
      : axis(axis), stride(stride), blocks(blocks) {}
  bool holds_rows() const { return axis != kNoBatchAxis; }
  bool is_plain() const { return stride == 1 && blocks == 1; }
  /// Of a value that has it.
  int64_t Rows(const Shape& shape) const { return shape[axis] / (stride * blocks); }
  bool operator==(const BatchAxis&) const = default;
};

struct RowFlow {
  std::vector<BatchAxis> axes;  ///< one per result; none where rows do not stand along an axis
  bool mixes = false;           ///< some row of a result depends on another row, or on all of them
  std::string where;            ///< when it mixes: the operator inside the expansion that does
};

/// How one node carries rows. `operand_axes` has one entry per operand.
RowFlow FlowOfRows(const OpDef& op, std::span<const TensorType> operands,
                   const Attributes& attributes, std::span<const BatchAxis> operand_axes);

/// Every node of `graph`, given the batch axes of its inputs.
std::vector<RowFlow> FlowOfRows(const Graph& graph, std::span<const BatchAxis> input_axes);

/// Batch axes of the graph's inputs, as the model's bindings say.
std::vector<BatchAxis> InputBatchAxes(const Model& model);

/// Batch axis of every graph output of a specialized model, in order, as `output_rows` or else its
/// graph says; kNoBatchAxis where it has none, or one that is merged with others.
std::vector<int> OutputBatchAxes(const Model& model);

}  // namespace descent
