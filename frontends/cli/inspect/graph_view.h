// GraphView: what a person wants to see of a graph stage; dot, SVG and JSON are made from it.
#pragma once

#include <string>
#include <vector>

#include "ir/model.h"

namespace descent::cli {

enum class NodeRole : uint8_t { kInput, kSlot, kConstant, kSystem, kOperator };
std::string_view ToString(NodeRole role);

struct NodeView {
  int number = 0;
  std::string name;  ///< of the first result
  NodeRole role = NodeRole::kOperator;
  const Node* node = nullptr;
  bool kept = false;    ///< forward, and read by backward or update: lives through both
  bool output = false;  ///< some result is an output of the graph
};

struct GraphView {
  const Model* model = nullptr;
  std::vector<NodeView> nodes;
};

GraphView ViewOf(const Model& model);

/// The same model with comments behind the values that are kept for the backward section.
Result<Model> Annotated(const Model& model);

/// Graphviz source; forward, backward and update are clusters.
std::string ToDot(const GraphView& view);

/// Text laid out by Graphviz' `dot -Tsvg`; an error that says what to install if there is none.
Result<std::string> LayOut(const std::string& dot);

}  // namespace descent::cli
