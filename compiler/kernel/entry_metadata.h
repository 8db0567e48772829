// What an entry point says about its inputs and outputs, found from the index maps of its graph.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "compiler/kernel/program.h"
#include "ir/model.h"

namespace descent {

/// Smallest extent that the values of graph input number `input` select from: as a coordinate, as
/// rows of a scatter, or compared for equality with an axis (one-hot, class targets). 0 if it is
/// not an index.
int64_t FindIndexLimit(const Graph& graph, int input);

/// Sets where the elements of graph inputs must lie, as the operands say that they feed as they
/// are, casts and layouts aside; both ends 0: anywhere. Expand takes such operators apart, so the
/// graph is the source model's.
void FindValueRanges(const Graph& graph, std::span<EntryInput> inputs);

/// Kind (DESCENT_OUTPUT_*) of the graph output `name`.
int OutputKindOf(const Model& model, const std::string& name);

}  // namespace descent
