// Which operators a random graph is made of: all operators are dealt from shuffled decks, so that
// none is rare, and what a graph gets follows from its seed alone.
//
//   n seeds that follow each other deal n (most + 1) / 2 operators: each one of `count` in all is
//   dealt that many times over count, give or take the decks that are cut at either end.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/ir/samples/samples.h"

namespace descent {

struct SampledOperator {
  const OpDef* op;
  std::vector<const OpSample*> samples;  ///< those that can stand in a graph
};

/// Those with samples that can stand in a random graph; `smooth`: with samples that are
/// differentiable around their values.
const std::vector<SampledOperator>& SampledOperators(bool smooth);

/// The operators of graph number `seed`: 1 to `most`, each number once among the seeds from a
/// multiple of `most` to the next.
std::vector<const SampledOperator*> Deal(uint64_t seed, int most, bool smooth);

}  // namespace descent
