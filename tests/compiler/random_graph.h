// Random graphs over all operators: the samples of tests/ir/samples, strung together.
//
// A graph grows by one sample after another. Its operands are earlier values where their element
// type allows, moved to the sample's shape (reshape, slice, repetition) and into its range; so
// every value stays inside the domains that the operators' samples were written for. A new operator
// takes part as soon as it has samples.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph.h"
#include "ir/tensor.h"

namespace descent {

struct RandomGraph {
  Graph graph;                 ///< values that nothing reads are outputs; so are gradients
  std::vector<Tensor> inputs;  ///< of the graph, in order
};

/// The same on every machine for the same seed.
RandomGraph MakeRandomGraph(uint64_t seed);

}  // namespace descent
