// Kernels of a scatter. Its tiles own ranges of the destination's rows and apply the updates of
// these in source order, so every sum has one order and for set the last update wins, whatever the
// number of threads.
//
// Each tile may look at all updates where rows are wide or updates few. Else they are sorted first,
// stably, by the tile that owns their row: one more kernel, whose tiles count and place a chunk of
// the updates each. Whoever runs all tiles at once, as a single thread and a few threads do, needs
// no buckets: the updates in their own order give the same.
//
//   index, update  --buckets-->  rows [updates], sorted [updates, ...], ends [chunks, tiles]
//   index, update, base, rows, sorted, ends  --scatter-->  result, in the bytes of base
#pragma once

#include <optional>
#include <string>

#include "compiler/kernel/program.h"
#include "compiler/kernel/target_facts.h"

namespace descent {

/// Not scheduled. Parameters of `buckets`: index, update, then the three that it writes; of
/// `scatter`: index, update, base, then these three if there is `buckets`, then the result.
struct ScatterKernels {
  std::optional<Kernel> buckets;
  Kernel scatter;
};

/// The destination is [rows, ...], `combine` as in ScatterForm.
ScatterKernels MakeScatter(const TensorType& index, const TensorType& update,
                           const TensorType& destination, std::optional<ScalarOp> combine,
                           const TargetFacts& target);

/// "p3[p0[u], :] add with p1[u, :] ...", for `--stage kernels`.
std::string PrintForm(const Kernel& kernel, const ScatterForm& form);
std::string PrintForm(const Kernel& kernel, const BucketsForm& form);

}  // namespace descent
