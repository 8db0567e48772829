// Kernels that run along one axis: prefixes (a state carried from place to place) and sorting.
//
// A unit of work is everything along the axis for one outer index and one inner index (sorting) or
// a run of neighbouring inner indices (prefixes, which keep their states in scratch). Units are
// disjoint, so they may be done in any order; inside a unit the order is that of the axis.
#pragma once

#include <string>

#include "compiler/kernel/program.h"
#include "ir/op_def.h"

namespace descent {

/// Inner indices that a prefix kernel carries side by side.
inline constexpr int64_t kPrefixLanes = 512;

/// The kernel of a node whose operator has form kPrefix or kSort, not scheduled: a parameter per
/// operand, then the result.
Kernel MakeAxisKernel(const OpDef& def, const OpContext& op, const TensorType& result);

/// Number of units.
int64_t AxisUnits(const Kernel& kernel);
/// Elementary operations of all units together.
int64_t AxisWork(const Kernel& kernel);
/// Per worker: states of a prefix, the two buffers of a sort.
int64_t AxisScratchBytes(const Kernel& kernel);

/// What a sort moves: a key in the order of the elements above the element's place, both as one
/// unsigned number, so that no two are equal. 64 bits where 32 are enough for each.
int SortEntryBits(const Kernel& kernel);
/// One buffer of a sort: an entry per element and one that may be read behind the last.
int64_t SortBufferBytes(const Kernel& kernel);

/// "carry along ..." and "sort along ...", for `--stage kernels`.
std::string PrintAxisForm(const Kernel& kernel);

}  // namespace descent
