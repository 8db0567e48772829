// Renaming what stands in a computation: axes, reads in indices, reads in scalars.
#pragma once

#include <functional>
#include <unordered_set>
#include <vector>

#include "compiler/kernel/computation.h"
#include "ir/index_map.h"

namespace descent {

/// All scalars of a computation that may use reads; the outside values are constants.
std::vector<Scalar*> ScalarRoots(Computation& computation);

/// How a rewrite maps what stands in a computation.
struct Mapping {
  std::function<Index(int)> axis;
  std::function<Index(int)> read;    ///< in indices
  std::function<Scalar(int)> value;  ///< of reads in scalars; null keeps
};

Scalar MapScalar(const Scalar& root, const Mapping& mapping);
void MapRead(TensorRead& read, const Mapping& mapping);

/// Reads that the indices of `read` take their values from.
void VisitIndexReads(const TensorRead& read, const std::function<void(int)>& visit);
/// Every node below `root` that is not in `seen`, once.
void VisitScalars(const Scalar& root, std::unordered_set<const ScalarNode*>& seen,
                  const std::function<void(const ScalarNode&)>& visit);

}  // namespace descent
