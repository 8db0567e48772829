// Computation: an operator's TensorExpr over the tensors of one entry point, ready to be composed.
//
// Canonical form (Normalize): no axes of extent 1; indices simplified; guards that always hold are
// gone; equal reads are one read, equal scalars one node; reads that only reshape are views, so
// their coordinates are affine. Result r fills tensor `tensors[r]`: element (i0, i1, ...) of the
// parallel axes is the row-major element of the tensor.
//
//   relu(x) behind y = matmul(x, w):   Inline(computation of matmul, x, computation of relu)
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/kernel/fusion_rules.h"
#include "ir/tensor_expr.h"

namespace descent {

/// A read of a tensor seen with extents `view` (as many elements as the tensor has).
struct TensorRead {
  int tensor = -1;
  DType dtype = DType::kF32;
  Shape view;
  std::vector<Index> coordinates;
  std::vector<Guard> guards;
  Scalar outside;
};

struct Computation {
  Shape axes;
  int rank = 0;
  std::vector<TensorRead> reads;
  std::optional<Reducer> reducer;
  std::vector<Scalar> results;
  std::vector<int> tensors;
  std::vector<std::string> nodes;  ///< graph values it computes, inlined ones included
  /// Tensors that must be there first although no read takes them (what barriers wait for).
  std::vector<int> after;
  std::vector<std::string> asserted = {};  ///< names of what it asserts to be finite

  Shape domain() const { return Shape(axes.begin(), axes.begin() + rank); }
  bool elementwise() const { return !reducer.has_value(); }
};

/// `result_tensors[r]` is -1 for results nobody uses; they are dropped.
Computation MakeComputation(const TensorExpr& expr, const std::vector<int>& operand_tensors,
                            const std::vector<TensorType>& operand_types,
                            const std::vector<int>& result_tensors);
/// target = source, element by element.
Computation MakeCopy(int source, int target, const TensorType& type);

void Normalize(Computation& computation);

/// Replaces reads of `tensor` by the scalar constant `value`.
void InlineConstant(Computation& consumer, int tensor, const Scalar& value);
/// Why not all reads of `tensor`, a result of `producer`, can be replaced by its expression.
std::optional<Obstacle> InliningObstacle(const Computation& consumer, int tensor,
                                         const Computation& producer);
void Inline(Computation& consumer, int tensor, const Computation& producer);

/// Does `read` take, at each parallel point, the element that the point has in row-major order?
bool IsIdentity(const Computation& computation, const TensorRead& read);
/// The same loops over other extents of equally many points; results keep their row-major order.
/// Only without a reducer.
Computation Reshaped(const Computation& computation, const Shape& domain);
/// Replaces equal scalars by one node, over all roots.
void ShareScalars(const std::vector<Scalar*>& roots);

bool Reads(const Computation& computation, int tensor);
/// Are its coordinates the values of other reads?
bool IsFromData(const TensorRead& read);
/// Is read number `slot` used as an index?
bool IsIndexRead(const Computation& computation, int slot);
/// Does it report on its values (assert_finite)? Then it runs at each of its points, once.
bool Asserts(const Computation& computation);
/// Just a read and nothing else: transposes, slices, pads, gathers.
bool IsLayout(const Computation& computation);
/// Scalar operations of one point, transcendental ones weighted; reducer included.
int64_t PointCost(const Computation& computation);
int64_t ScalarCost(const std::vector<Scalar>& roots);
/// Of one instruction, in units of an addition.
int64_t ScalarOpCost(ScalarOp op);
/// Nodes of the indices and guards of one read, or of one index in a scalar: the most there are.
int64_t LargestIndex(const Computation& computation);
/// Divisions by other constants than powers of two that the indices of reads take, at all points
/// together: each once per iteration of the innermost loop that it depends on. In a contraction
/// only the axes that move a read count, as its operands are packed.
int64_t IndexDivisions(const Computation& computation, bool is_contraction);
/// Conjunction of the guards as a bool scalar.
Scalar InRange(const std::vector<Guard>& guards);

}  // namespace descent
