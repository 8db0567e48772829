#include "frontends/cli/inspect/graph_view.h"

#include <algorithm>

#include "frontends/cli/run/tensor_input.h"
#include "ir/op_def.h"

namespace descent::cli {
namespace {

NodeRole RoleOf(const Model& model, const Node& node) {
  switch (node.op->leaf) {
    case Leaf::kNone:
      return NodeRole::kOperator;
    case Leaf::kInput:
      return model.FindSlot(node.label.names.front()) != nullptr ? NodeRole::kSlot
                                                                 : NodeRole::kInput;
    case Leaf::kConstant:
      return NodeRole::kConstant;
    default:
      return NodeRole::kSystem;
  }
}

/// Forward operators that a later section reads.
std::vector<bool> KeptForBackward(const Graph& graph) {
  std::vector<bool> kept(graph.nodes().size(), false);
  for (const Node& node : graph.nodes()) {
    if (node.label.section == Section::kForward) continue;
    for (const Value operand : node.operands) {
      const Node& source = graph.node(operand);
      kept[operand.node] = kept[operand.node] || (source.label.section == Section::kForward &&
                                                  source.op->leaf == Leaf::kNone);
    }
  }
  return kept;
}

std::string DotString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out + "\"";
}

/// Fill colours (colour-blind safe, light) and shapes by role.
struct RoleStyle {
  NodeRole role;
  std::string_view name, shape, fill;
};
constexpr RoleStyle kRoleStyles[] = {
    {NodeRole::kInput, "input", "invhouse", "#cfe8f7"},
    {NodeRole::kSlot, "slot", "box3d", "#fbe6b8"},
    {NodeRole::kConstant, "constant", "plaintext", "#ffffff"},
    {NodeRole::kSystem, "system", "cds", "#eeeeee"},
    {NodeRole::kOperator, "operator", "box", "#ffffff"},
};
const RoleStyle& StyleOf(NodeRole role) { return kRoleStyles[static_cast<size_t>(role)]; }

constexpr int64_t kPrintedConstants = 4;  ///< elements

std::string DotNode(const NodeView& view) {
  const Node& node = *view.node;
  std::string label = view.name;
  if (const Attribute* value = node.attributes.Find("value"); view.role == NodeRole::kConstant)
    label = PrintValues(std::get<Tensor>(*value), kPrintedConstants);
  if (view.role == NodeRole::kOperator) label += fmt::format(" = {}", node.op->name);
  std::string types;
  for (const TensorType& type : node.types) types += (types.empty() ? "" : ", ") + ToString(type);
  const RoleStyle& style = StyleOf(view.role);
  return fmt::format(
      "    n{} [label={}, shape={}, style=filled, fillcolor=\"{}\"{}{}, tooltip={}];\n",
      view.number, DotString(label + "\n" + types), style.shape, style.fill,
      view.kept ? ", color=\"#d55e00\", penwidth=2" : "", view.output ? ", peripheries=2" : "",
      DotString(node.label.origin.empty() ? view.name : "from " + node.label.origin));
}

}  // namespace

std::string_view ToString(NodeRole role) { return StyleOf(role).name; }

GraphView ViewOf(const Model& model) {
  GraphView view{.model = &model, .nodes = {}};
  const auto kept = KeptForBackward(model.graph);
  const auto nodes = model.graph.nodes();
  for (int number = 0; number < static_cast<int>(nodes.size()); ++number)
    view.nodes.push_back({.number = number,
                          .name = model.graph.NameOf({number, 0}),
                          .role = RoleOf(model, nodes[number]),
                          .node = &nodes[number],
                          .kept = kept[number]});
  for (const NamedValue& output : model.graph.outputs())
    view.nodes[output.value.node].output = true;
  return view;
}

Result<Model> Annotated(const Model& model) {
  Model annotated = model;
  GraphBuilder builder;
  std::vector<std::vector<Value>> map;
  const auto kept = KeptForBackward(model.graph);
  for (size_t number = 0; number < model.graph.nodes().size(); ++number) {
    const Node& node = model.graph.nodes()[number];
    Label label = node.label;
    if (kept[number])
      label.trailing += label.trailing.empty() ? "kept for backward" : "; kept for backward";
    if (node.op->leaf == Leaf::kInput) {
      map.push_back({builder.Input(label.names.front(), node.types.front(), label)});
      continue;
    }
    std::vector<Value> operands;
    for (const Value operand : node.operands) operands.push_back(map[operand.node][operand.result]);
    DESCENT_TRY(results, builder.TryAdd(node.op->name, std::move(operands), node.attributes,
                                        std::move(label)));
    map.push_back(std::move(results));
  }
  for (const NamedValue& output : model.graph.outputs())
    builder.Output(output.name, map[output.value.node][output.value.result]);
  annotated.graph = std::move(builder).Build();
  return annotated;
}

std::string ToDot(const GraphView& view) {
  std::string text = fmt::format(
      "digraph {} {{\n  rankdir=TB;\n  node [fontname=\"Helvetica\", fontsize=10];\n"
      "  edge [fontname=\"Helvetica\", fontsize=8, arrowsize=0.6];\n",
      DotString(view.model->name));
  for (const Section section : {Section::kForward, Section::kBackward, Section::kUpdate}) {
    std::string nodes;
    for (const NodeView& node : view.nodes)
      if (node.node->label.section == section) nodes += DotNode(node);
    if (!nodes.empty())
      text += fmt::format(
          "  subgraph cluster_{0} {{\n    label=\"{0}\";\n    color=\"#999999\";\n{1}  }}\n",
          ToString(section), nodes);
  }
  for (const NodeView& node : view.nodes)
    for (const Value operand : node.node->operands)
      text += fmt::format("  n{} -> n{};\n", operand.node, node.number);
  return text + "}\n";
}

}  // namespace descent::cli
