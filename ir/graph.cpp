#include "ir/graph.h"

#include <algorithm>
#include <unordered_set>

#include "ir/op_def.h"

namespace descent {
namespace {

size_t HashNode(const Node& node) {
  size_t hash = HashAttributes(node.attributes) ^ reinterpret_cast<size_t>(node.op);
  for (const Value operand : node.operands)
    hash = hash * 1000003 + static_cast<size_t>(operand.node) * 8 + operand.result;
  return hash;
}

/// Identity: operator, operands and attributes.
bool SameIdentity(const Node& a, const Node& b) {
  return a.op == b.op && a.operands == b.operands && SameAttributes(a.attributes, b.attributes);
}

/// "in h1 = matmul(x, w)" for diagnostics of a node that could not be added.
std::string Describe(std::string_view op, const Label& label) {
  for (const std::string& name : label.names)
    if (!name.empty()) return fmt::format("{} ({})", Quoted(name), op);
  return std::string(op);
}

}  // namespace

std::string_view ToString(Section section) {
  static constexpr std::string_view kNames[] = {"forward", "backward", "update"};
  return kNames[static_cast<size_t>(section)];
}

const NamedValue* Graph::FindInput(std::string_view name) const {
  auto place = std::ranges::find(inputs_, name, &NamedValue::name);
  return place == inputs_.end() ? nullptr : &*place;
}

const NamedValue* Graph::FindOutput(std::string_view name) const {
  auto place = std::ranges::find(outputs_, name, &NamedValue::name);
  return place == outputs_.end() ? nullptr : &*place;
}

std::string Graph::NameOf(Value value) const {
  const Node& owner = node(value);
  const auto& names = owner.label.names;
  if (value.result < static_cast<int>(names.size()) && !names[value.result].empty())
    return names[value.result];
  return owner.types.size() == 1 ? fmt::format("%{}", value.node)
                                 : fmt::format("%{}.{}", value.node, value.result);
}

namespace {

/// For every node of `b` the equal node of `a`, -1 where there is none. Both are hash-consed, so
/// there is at most one.
std::vector<int32_t> MatchNodes(const Graph& a, const Graph& b) {
  std::unordered_multimap<size_t, int32_t> known;
  known.reserve(a.nodes().size());
  for (size_t i = 0; i < a.nodes().size(); ++i)
    known.emplace(HashNode(a.nodes()[i]), static_cast<int32_t>(i));
  std::vector<int32_t> match(b.nodes().size(), -1);
  for (size_t i = 0; i < b.nodes().size(); ++i) {
    Node probe{.op = b.nodes()[i].op, .attributes = b.nodes()[i].attributes};
    for (const Value operand : b.nodes()[i].operands)
      probe.operands.push_back({match[operand.node], operand.result});
    const auto [first, last] = known.equal_range(HashNode(probe));
    for (auto place = first; place != last && match[i] < 0; ++place)
      if (SameIdentity(a.nodes()[place->second], probe)) match[i] = place->second;
  }
  return match;
}

}  // namespace

bool SameGraph(const Graph& a, const Graph& b) {
  if (&a == &b) return true;
  if (a.nodes().size() != b.nodes().size()) return false;
  const std::vector<int32_t> match = MatchNodes(a, b);
  const auto same_values = [&](std::span<const NamedValue> x, std::span<const NamedValue> y) {
    return std::ranges::equal(x, y, [&](const NamedValue& p, const NamedValue& q) {
      return p.name == q.name && p.value == Value{match[q.value.node], q.value.result};
    });
  };
  return std::ranges::find(match, -1) == match.end() && same_values(a.inputs(), b.inputs()) &&
         same_values(a.outputs(), b.outputs());
}

Value GraphBuilder::Input(std::string name, TensorType type, Label label) {
  Attributes attributes = {{"index", static_cast<int64_t>(inputs_.size())},
                           {"dtype", type.dtype},
                           {"shape", type.shape}};
  label.names = {name};
  const Value value = Intern({.op = FindOp("input"),
                              .operands = {},
                              .attributes = std::move(attributes),
                              .types = {std::move(type)},
                              .label = std::move(label)})[0];
  inputs_.push_back({std::move(name), value});
  return value;
}

Value GraphBuilder::Constant(Tensor value, std::string name) {
  return Add("constant", {}, {{"value", std::move(value)}}, std::move(name));
}

Value GraphBuilder::ConstantLike(Value like, double value) {
  return Constant(Tensor::Scalar(dtype(like), value));
}

Result<std::vector<Value>> GraphBuilder::TryAdd(std::string_view op, std::vector<Value> operands,
                                                Attributes attributes, Label label) {
  const OpDef* definition = FindOp(op);
  if (definition == nullptr) return Error("unknown operator {}", Quoted(op));
  std::vector<TensorType> operand_types;
  for (const Value operand : operands) operand_types.push_back(type(operand));
  auto types = InferTypes(*definition, operand_types, attributes);
  if (!types) {
    Diagnostic diagnostic = std::move(types).error();
    diagnostic.message = fmt::format("{}: {}", Describe(op, label), diagnostic.message);
    return std::unexpected(std::move(diagnostic));
  }
  for (const TensorType& result : *types) {
    if (result.rank() > kMaxRank || !CheckedElements(result.shape))
      return Error("{}: result {} is too large (at most {} elements and rank {})",
                   Describe(op, label), ToString(result), kMaxElements, kMaxRank);
  }
  return Intern({.op = definition,
                 .operands = std::move(operands),
                 .attributes = std::move(attributes),
                 .types = *std::move(types),
                 .label = std::move(label)});
}

std::vector<Value> GraphBuilder::AddMulti(std::string_view op, std::vector<Value> operands,
                                          Attributes attributes) {
  auto values = TryAdd(op, std::move(operands), std::move(attributes));
  if (!values) InternalError(__FILE__, __LINE__, values.error().message);
  return *std::move(values);
}

Value GraphBuilder::Add(std::string_view op, std::vector<Value> operands, Attributes attributes,
                        std::string name) {
  const Value value = AddMulti(op, std::move(operands), std::move(attributes))[0];
  if (!name.empty()) SetName(value, std::move(name));
  return value;
}

Result<std::vector<Value>> GraphBuilder::Copy(const Node& node, std::vector<Value> operands) {
  return TryAdd(node.op->name, std::move(operands), node.attributes, node.label);
}

void GraphBuilder::Output(std::string name, Value value) {
  outputs_.push_back({std::move(name), value});
}

void GraphBuilder::SetName(Value value, std::string name) {
  auto& names = nodes_[value.node].label.names;
  names.resize(nodes_[value.node].types.size());
  if (names[value.result].empty()) names[value.result] = std::move(name);
}

void GraphBuilder::SetOrigin(std::string origin, Section section) {
  origin_ = std::move(origin);
  section_ = section;
}

std::vector<Value> GraphBuilder::Intern(Node node) {
  const auto results = [&](int32_t number) {
    std::vector<Value> values;
    for (int32_t i = 0; i < static_cast<int32_t>(nodes_[number].types.size()); ++i)
      values.push_back({number, i});
    return values;
  };
  if (node.label.origin.empty()) node.label.origin = origin_;
  if (node.label.section == Section::kForward) node.label.section = section_;
  node.label.names.resize(node.types.size());
  const size_t hash = HashNode(node);
  const auto [first, last] = interned_.equal_range(hash);
  for (auto place = first; place != last; ++place) {
    Node& known = nodes_[place->second];
    if (!SameIdentity(known, node)) continue;
    for (size_t i = 0; i < node.label.names.size(); ++i)
      if (known.label.names[i].empty()) known.label.names[i] = node.label.names[i];
    if (known.label.comment.empty()) known.label.comment = node.label.comment;
    if (known.label.trailing.empty()) known.label.trailing = node.label.trailing;
    return results(place->second);
  }
  const auto number = static_cast<int32_t>(nodes_.size());
  nodes_.push_back(std::move(node));
  interned_.emplace(hash, number);
  return results(number);
}

namespace {

/// Marks what the outputs need; inputs are always kept.
std::vector<bool> LiveNodes(std::span<const Node> nodes, std::span<const NamedValue> inputs,
                            std::span<const NamedValue> outputs) {
  std::vector<bool> live(nodes.size(), false);
  for (const NamedValue& input : inputs) live[input.value.node] = true;
  for (const NamedValue& output : outputs) live[output.value.node] = true;
  for (size_t number = nodes.size(); number-- > 0;)
    if (live[number])
      for (const Value operand : nodes[number].operands) live[operand.node] = true;
  return live;
}

/// Nodes that keep the order in which they were added: inputs, those with a name or a comment, and
/// what another section or the caller reads.
std::vector<bool> OrderedNodes(std::span<const Node> nodes, const std::vector<bool>& live,
                               std::span<const NamedValue> outputs) {
  std::vector<bool> ordered(nodes.size(), false);
  for (const NamedValue& output : outputs) ordered[output.value.node] = true;
  for (size_t number = 0; number < nodes.size(); ++number) {
    if (!live[number]) continue;
    const Label& label = nodes[number].label;
    if (nodes[number].op->leaf == Leaf::kInput || !label.comment.empty() ||
        !std::ranges::all_of(label.names, &std::string::empty))
      ordered[number] = true;
    for (const Value operand : nodes[number].operands)
      if (nodes[operand.node].label.section != label.section) ordered[operand.node] = true;
  }
  return ordered;
}

/// The live nodes as they stand in the graph: all others stand before their first reader, in the
/// order of its operands. Expressions such as `f(x) + g(x)` thus give one graph, in whatever order
/// the C++ compiler evaluates them.
std::vector<int32_t> CanonicalOrder(std::span<const Node> nodes, const std::vector<bool>& live,
                                    const std::vector<bool>& ordered) {
  std::vector<int32_t> order;
  std::vector<bool> placed(nodes.size(), false);
  std::vector<std::pair<int32_t, size_t>>
      path;  // node, next operand: no recursion, graphs are deep
  for (size_t number = 0; number < nodes.size(); ++number) {
    if (!live[number] || !ordered[number] || placed[number]) continue;
    path.emplace_back(static_cast<int32_t>(number), 0);
    while (!path.empty()) {
      auto& [node, next] = path.back();
      if (next < nodes[node].operands.size()) {
        const int32_t operand = nodes[node].operands[next++].node;
        if (!placed[operand]) path.emplace_back(operand, 0);
        continue;
      }
      if (!placed[node]) order.push_back(node);
      placed[node] = true;
      path.pop_back();
    }
  }
  return order;
}

/// A label that stands on a later node gives way: the first keeps it, the others become unnamed.
void DropRepeatedNames(std::vector<Node>& nodes, std::span<const NamedValue> outputs) {
  // An output's own node keeps the output's name against earlier nodes of the same name.
  std::unordered_map<std::string_view, Value> owner;
  for (const NamedValue& output : outputs) owner.emplace(output.name, output.value);
  // Views of names that stay.
  std::unordered_set<std::string_view> used;
  used.reserve(nodes.size());
  for (size_t number = 0; number < nodes.size(); ++number) {
    auto& names = nodes[number].label.names;
    for (size_t result = 0; result < names.size(); ++result) {
      std::string& name = names[result];
      if (name.empty()) continue;
      const Value self{static_cast<int32_t>(number), static_cast<int32_t>(result)};
      const auto reserved = owner.find(name);
      const bool taken = reserved != owner.end() && reserved->second != self;
      if (taken || !used.insert(name).second) name.clear();
    }
  }
}

}  // namespace

Graph GraphBuilder::Build() && {
  const std::vector<bool> live = LiveNodes(nodes_, inputs_, outputs_);
  const auto order = CanonicalOrder(nodes_, live, OrderedNodes(nodes_, live, outputs_));
  std::vector<int32_t> renumbered(nodes_.size(), -1);
  Graph graph;
  graph.nodes_.reserve(order.size());
  for (const int32_t number : order) {
    renumbered[number] = static_cast<int32_t>(graph.nodes_.size());
    Node node = std::move(nodes_[number]);
    for (Value& operand : node.operands) operand.node = renumbered[operand.node];
    // What kept its name in a replacement does not come from itself.
    if (std::ranges::find(node.label.names, node.label.origin) != node.label.names.end())
      node.label.origin.clear();
    graph.nodes_.push_back(std::move(node));
  }
  graph.inputs_ = std::move(inputs_);
  graph.outputs_ = std::move(outputs_);
  for (NamedValue& input : graph.inputs_) input.value.node = renumbered[input.value.node];
  for (NamedValue& output : graph.outputs_) {
    output.value.node = renumbered[output.value.node];
    auto& name = graph.nodes_[output.value.node].label.names[output.value.result];
    if (name.empty()) name = output.name;
  }
  DropRepeatedNames(graph.nodes_, graph.outputs_);
  return graph;
}

Result<std::vector<std::vector<Value>>> Inline(const Graph& source, std::span<const Value> inputs,
                                               GraphBuilder& builder) {
  DESCENT_CHECK(inputs.size() == source.inputs().size(), "one value per input of an inlined graph");
  std::vector<std::vector<Value>> map(source.nodes().size());
  for (size_t i = 0; i < inputs.size(); ++i) map[source.inputs()[i].value.node] = {inputs[i]};
  for (size_t number = 0; number < source.nodes().size(); ++number) {
    if (!map[number].empty()) continue;
    const Node& node = source.nodes()[number];
    std::vector<Value> operands;
    for (const Value operand : node.operands) operands.push_back(map[operand.node][operand.result]);
    DESCENT_TRY(values, builder.Copy(node, std::move(operands)));
    map[number] = std::move(values);
  }
  return map;
}

std::vector<Value> InlineOutputs(const Graph& source, std::span<const Value> inputs,
                                 GraphBuilder& builder) {
  const auto map = Inline(source, inputs, builder);
  if (!map) InternalError(__FILE__, __LINE__, map.error().message);
  std::vector<Value> outputs;
  for (const NamedValue& output : source.outputs())
    outputs.push_back((*map)[output.value.node][output.value.result]);
  return outputs;
}

}  // namespace descent
