// Floating-point operations of nodes, counted from their definitions: an addition and a
// multiplication are two.
#pragma once

#include <cstdint>

#include "ir/graph.h"

namespace descent::cli {

int64_t Flops(const Graph& graph, const Node& node);
int64_t Flops(const Graph& graph);

}  // namespace descent::cli
