// A graph stage as JSON; the schema is documented in docs/cli.md.
#pragma once

#include "frontends/cli/inspect/graph_view.h"
#include "frontends/cli/inspect/json_writer.h"

namespace descent::cli {

inline constexpr int kJsonVersion = 1;

/// The members that every document of `inspect --format json` begins with.
void WriteJsonHead(JsonWriter& json, std::string_view stage, const Model& model);
/// inputs, slots, outputs, nodes.
void WriteGraph(JsonWriter& json, const GraphView& view);

}  // namespace descent::cli
