#include "compiler/trace_outputs.h"

#include "ir/op_def.h"

namespace descent {
namespace {

std::vector<NamedValue> TracedValues(const Graph& graph) {
  std::vector<NamedValue> traced;
  for (int32_t number = 0; number < static_cast<int32_t>(graph.nodes().size()); ++number) {
    const Node& node = graph.nodes()[number];
    if (node.op->leaf != Leaf::kNone) continue;
    for (int32_t result = 0; result < static_cast<int32_t>(node.label.names.size()); ++result) {
      const std::string& name = node.label.names[result];
      if (!name.empty() && graph.FindOutput(name) == nullptr && !name.starts_with("next."))
        traced.push_back({name, {number, result}});
    }
  }
  return traced;
}

}  // namespace

std::vector<std::string> TraceNames(const Model& model) {
  std::vector<std::string> names;
  for (const NamedValue& value : TracedValues(model.graph)) names.push_back(value.name);
  return names;
}

Result<Model> AddTraceOutputs(const Model& model) {
  const Graph& graph = model.graph;
  GraphBuilder builder;
  std::vector<Value> inputs;
  for (const NamedValue& input : graph.inputs())
    inputs.push_back(
        builder.Input(input.name, graph.type(input.value), graph.node(input.value).label));
  DESCENT_TRY(map, Inline(graph, inputs, builder));
  const auto copied = [&](Value value) { return map[value.node][value.result]; };
  for (const NamedValue& output : graph.outputs())
    builder.Output(output.name, copied(output.value));
  for (const NamedValue& value : TracedValues(graph))
    builder.Output(value.name, copied(value.value));
  Model traced = model;
  traced.graph = std::move(builder).Build();
  return traced;
}

}  // namespace descent
