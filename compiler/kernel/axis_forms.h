// Kernels that run along one axis: prefixes (a state carried from place to place) and sorting.
//
// A unit of work is everything along the axis for one outer index and one inner index (sorting) or
// a run of neighbouring inner indices (prefixes, which keep their states in scratch). Units are
// disjoint, so they may be done in any order; inside a unit the order is that of the axis.
//
// Long axes are sorted by several kernels: first runs of entries, a run a unit, then pairs of runs
// are merged until two are left, whose merging gives the places. When merging each element of the
// result is a unit: where it comes from is found by bisection, so tiles cut a merge anywhere.
#pragma once

#include <string>

#include "compiler/kernel/program.h"
#include "compiler/kernel/target_facts.h"
#include "ir/op_def.h"

namespace descent {

/// Inner indices that a prefix kernel carries side by side.
inline constexpr int64_t kPrefixLanes = 512;

/// The kernels of a node whose operator has form kPrefix or kSort, not scheduled. The first has a
/// parameter per operand, every later one reads what the one before writes, its last parameter; the
/// last one writes the result.
std::vector<Kernel> MakeAxisKernels(const OpDef& def, const OpContext& op, const TensorType& result,
                                    const TargetFacts& target);

/// Number of units.
int64_t AxisUnits(const PrefixForm& form);
int64_t AxisUnits(const SortForm& form);
/// Elementary operations of all units together.
int64_t AxisWork(const PrefixForm& form);
int64_t AxisWork(const SortForm& form);
/// Per worker: states of a prefix; two buffers of a whole sort, one for runs, which have the result
/// as the other; merging needs none.
int64_t AxisScratchBytes(const PrefixForm& form);
int64_t AxisScratchBytes(const SortForm& form);

/// Runs that a sort is cut into along the axis; 1 when it is sorted whole.
int64_t SortRuns(const SortForm& form);
/// One buffer for the entries that are sorted at once.
int64_t SortBufferBytes(const SortForm& form);

/// "carry along ..." and "sort along ...", for `--stage kernels`.
std::string PrintForm(const Kernel& kernel, const PrefixForm& form);
std::string PrintForm(const Kernel& kernel, const SortForm& form);

}  // namespace descent
