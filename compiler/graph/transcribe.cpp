#include "compiler/graph/transcribe.h"

#include <memory>
#include <utility>

#include "ir/op_def.h"

namespace descent {
namespace {

TensorType SliceOf(TensorType type) {
  if (!type.shape.empty()) type.shape.erase(type.shape.begin());
  return type;
}

/// A node's operands, in the source and now.
struct BothTypes {
  std::vector<TensorType> before, now;
};

/// The inputs of a body are the node's last operands, whole or one slice of them.
std::vector<TensorType> InputTypes(const Graph& body, const BothTypes& operands) {
  const size_t skipped = operands.before.size() - body.inputs().size();
  std::vector<TensorType> types;
  for (size_t i = 0; i < body.inputs().size(); ++i) {
    const TensorType& type = body.type(body.inputs()[i].value);
    const TensorType &before = operands.before[skipped + i], &now = operands.now[skipped + i];
    types.push_back(before == now ? type : before == type ? now : SliceOf(now));
  }
  return types;
}

/// `attributes` with every body transcribed.
Result<Attributes> TranscribeBodies(const Attributes& attributes, const BothTypes& operands,
                                    const NodeRule& rule) {
  Attributes result = attributes;
  for (const auto& [name, value] : attributes) {
    const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value);
    if (body == nullptr) continue;
    DESCENT_TRY(transcribed, TranscribeOver(**body, InputTypes(**body, operands), rule));
    result.Set(name, std::make_shared<const Graph>(std::move(transcribed)));
  }
  return result;
}

bool HasBody(const Attributes& attributes) {
  for (const auto& [name, value] : attributes)
    if (KindOf(value) == AttributeKind::kGraph) return true;
  return false;
}

/// What a value derived from `node` says it comes from.
std::string OriginOf(const Node& node) {
  for (const std::string& name : node.label.names)
    if (!name.empty()) return name;
  return node.label.origin;
}

Result<std::vector<Value>> TranscribeNode(const Graph& source, const Node& node,
                                          std::vector<Value> operands, const NodeRule& rule,
                                          GraphBuilder& b) {
  b.SetOrigin(OriginOf(node), node.label.section);
  DESCENT_TRY(replacement, rule(b, node, operands));
  if (replacement) {
    DESCENT_CHECK(replacement->size() == node.types.size(), "a replacement has as many results");
    for (size_t i = 0; i < node.label.names.size(); ++i)
      if (!node.label.names[i].empty()) b.SetName((*replacement)[i], node.label.names[i]);
    return *std::move(replacement);
  }
  b.SetOrigin("", Section::kForward);
  if (!HasBody(node.attributes)) return b.Copy(node, std::move(operands));
  BothTypes types;
  for (const Value operand : node.operands) types.before.push_back(source.type(operand));
  for (const Value operand : operands) types.now.push_back(b.type(operand));
  DESCENT_TRY(attributes, TranscribeBodies(node.attributes, types, rule));
  return b.TryAdd(node.op->name, std::move(operands), std::move(attributes), node.label);
}

}  // namespace

Value ValueMap::At(Value value) const {
  const auto& results = results_[value.node];
  DESCENT_CHECK(!results.empty(), "value was not transcribed");
  return results[value.result];
}

std::vector<Value> ValueMap::At(std::span<const Value> values) const {
  std::vector<Value> mapped;
  mapped.reserve(values.size());
  for (const Value value : values) mapped.push_back(At(value));
  return mapped;
}

ValueMap CopyInputs(const Graph& graph, GraphBuilder& b) {
  ValueMap map(graph);
  for (const NamedValue& input : graph.inputs())
    map.Set(input.value.node,
            {b.Input(input.name, graph.type(input.value), graph.node(input.value).label)});
  return map;
}

std::vector<Value> OutputValues(const Graph& graph) {
  std::vector<Value> values;
  for (const NamedValue& output : graph.outputs()) values.push_back(output.value);
  return values;
}

std::vector<bool> Needed(const Graph& graph, std::span<const Value> values) {
  std::vector<bool> needed(graph.nodes().size(), false);
  for (const Value value : values) needed[value.node] = true;
  for (size_t number = needed.size(); number-- > 0;)
    if (needed[number])
      for (const Value operand : graph.nodes()[number].operands) needed[operand.node] = true;
  return needed;
}

Result<void> Transcribe(const Graph& source, std::span<const Value> wanted, const NodeRule& rule,
                        ValueMap& map, GraphBuilder& b) {
  const std::vector<bool> needed = Needed(source, wanted);
  const std::string origin = b.origin();
  const Section section = b.section();
  for (int32_t number = 0; number < static_cast<int32_t>(needed.size()); ++number) {
    if (!needed[number] || map.Has(number)) continue;
    const Node& node = source.nodes()[number];
    DESCENT_TRY(results, TranscribeNode(source, node, map.At(node.operands), rule, b));
    map.Set(number, std::move(results));
  }
  b.SetOrigin(origin, section);
  return {};
}

Result<std::optional<std::vector<Value>>> KeepNode(GraphBuilder&, const Node&,
                                                   std::span<const Value>) {
  return std::nullopt;
}

Result<Graph> TranscribeOver(const Graph& source, std::span<const TensorType> inputs,
                             const NodeRule& rule) {
  GraphBuilder b;
  ValueMap map(source);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const NamedValue& input = source.inputs()[i];
    map.Set(input.value.node, {b.Input(input.name, inputs[i], source.node(input.value).label)});
  }
  DESCENT_RETURN_IF_ERROR(Transcribe(source, OutputValues(source), rule, map, b));
  for (const NamedValue& output : source.outputs()) b.Output(output.name, map.At(output.value));
  return std::move(b).Build();
}

Result<Graph> Transcribe(const Graph& source, const NodeRule& rule) {
  std::vector<TensorType> inputs;
  for (const NamedValue& input : source.inputs()) inputs.push_back(source.type(input.value));
  return TranscribeOver(source, inputs, rule);
}

}  // namespace descent
