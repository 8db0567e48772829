// How much a node computes, counted from definitions and without computing anything: composites
// count what they expand to, loops every iteration, branches the larger side. Counts stop at the
// largest number.
//
//   if (InterpreterWork(*node.op, operand_types, node.attributes) > limit) return declined;
#pragma once

#include <cstdint>
#include <span>

#include "ir/op_def.h"

namespace descent {

/// What is counted.
struct WorkMeasure {
  int64_t (*of_definition)(const TensorExpr&);
  int64_t per_node = 0;     ///< beside what it computes
  int64_t per_element = 0;  ///< of constants, and of what an iteration takes and gives
};

/// Of one application of an operator.
int64_t CountWork(const OpDef& op, std::span<const TensorType> operands,
                  const Attributes& attributes, const WorkMeasure& measure);
/// Of all nodes of a graph.
int64_t CountWork(const Graph& graph, const WorkMeasure& measure);

/// What the interpreter takes for a node, in evaluations of a scalar body (a fifth of a microsecond
/// each); no more elements are held while it runs.
int64_t InterpreterWork(const OpDef& op, std::span<const TensorType> operands,
                        const Attributes& attributes);

}  // namespace descent
