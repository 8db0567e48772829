// Graph: what a model means. Nodes are an operator plus attributes over earlier values.
//
// Invariants: nodes stand in topological order; a node's operands precede it; every node is
// identified by operator, operands and attributes (hash-consing), names are labels; immutable once
// built. The graph holds only what its outputs need, plus its inputs.
//
//   GraphBuilder b;
//   Value x = b.Input("x", {DType::kF32, {10, 2}});
//   Value y = b.Add("tanh", {x}, {}, "y");
//   b.Output("y", y);
//   Graph graph = std::move(b).Build();
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/attribute.h"
#include "ir/diagnostic.h"
#include "ir/type.h"

namespace descent {

struct OpDef;

/// Result `result` of node `node`.
struct Value {
  int32_t node = -1;
  int32_t result = 0;
  bool valid() const { return node >= 0; }
  auto operator<=>(const Value&) const = default;
};

/// Which part of a training step a node belongs to.
enum class Section : uint8_t { kForward, kBackward, kUpdate };
std::string_view ToString(Section section);

/// What is said about a node without being part of its identity.
struct Label {
  std::vector<std::string> names;  ///< one per result, "" where unnamed
  std::string origin;              ///< for derived nodes: the named value or node it comes from
  Section section = Section::kForward;
  std::string comment;   ///< comment lines above it in the text, '\n' between them, without "# "
  std::string trailing;  ///< comment behind it on its line, without "# "
  SourceLocation location = {};
};

struct Node {
  const OpDef* op = nullptr;
  std::vector<Value> operands;
  Attributes attributes;          ///< complete: defaults are filled in
  std::vector<TensorType> types;  ///< one per result
  Label label;

  bool operator==(const Node&) const = delete;
};

struct NamedValue {
  std::string name;
  Value value;
};

class Graph {
 public:
  std::span<const Node> nodes() const { return nodes_; }
  const Node& node(Value value) const { return nodes_[value.node]; }
  const TensorType& type(Value value) const { return nodes_[value.node].types[value.result]; }
  /// In declaration order. Each value is a node of the leaf operator `input`.
  std::span<const NamedValue> inputs() const { return inputs_; }
  std::span<const NamedValue> outputs() const { return outputs_; }
  const NamedValue* FindInput(std::string_view name) const;
  const NamedValue* FindOutput(std::string_view name) const;
  /// The label, or "%<node>" / "%<node>.<result>" for an unnamed value.
  std::string NameOf(Value value) const;

 private:
  friend class GraphBuilder;
  std::vector<Node> nodes_;
  std::vector<NamedValue> inputs_;
  std::vector<NamedValue> outputs_;
};

/// Equal operators, operands, attributes, inputs and outputs (in order); the order in which the
/// nodes stand and labels are not compared, names of inputs and outputs are.
bool SameGraph(const Graph& a, const Graph& b);

/// Builds a graph; infers types, fills in attribute defaults, merges equal nodes.
class GraphBuilder {
 public:
  GraphBuilder() = default;

  Value Input(std::string name, TensorType type, Label label = {});
  Value Constant(Tensor value, std::string name = "");
  /// A scalar constant of the dtype of `like`.
  Value ConstantLike(Value like, double value);

  /// For what a user wrote: checks operator name, operand count and dtypes, attribute names and
  /// kinds, shapes. The diagnostic names the node and the rule.
  Result<std::vector<Value>> TryAdd(std::string_view op, std::vector<Value> operands,
                                    Attributes attributes, Label label = {});
  /// For our own code, where a violation is a bug. Returns result 0.
  Value Add(std::string_view op, std::vector<Value> operands, Attributes attributes = {},
            std::string name = "");
  std::vector<Value> AddMulti(std::string_view op, std::vector<Value> operands,
                              Attributes attributes = {});
  /// Copies `node` of another graph onto new operands, keeping its label.
  Result<std::vector<Value>> Copy(const Node& node, std::vector<Value> operands);

  void Output(std::string name, Value value);

  const TensorType& type(Value value) const { return nodes_[value.node].types[value.result]; }
  const Shape& shape(Value value) const { return type(value).shape; }
  DType dtype(Value value) const { return type(value).dtype; }
  const Node& node(Value value) const { return nodes_[value.node]; }
  int64_t node_count() const { return static_cast<int64_t>(nodes_.size()); }
  void SetName(Value value, std::string name);

  /// New nodes get this origin and section until it is changed (labels given explicitly win).
  void SetOrigin(std::string origin, Section section);
  const std::string& origin() const { return origin_; }
  Section section() const { return section_; }

  /// Drops what no output needs; renumbers; makes names unique (the first wins, outputs keep
  /// theirs).
  Graph Build() &&;

 private:
  std::vector<Value> Intern(Node node);

  std::vector<Node> nodes_;
  std::vector<NamedValue> inputs_;
  std::vector<NamedValue> outputs_;
  std::unordered_multimap<size_t, int32_t> interned_;
  std::string origin_;
  Section section_ = Section::kForward;
};

/// Copies `source` into `builder` with its inputs replaced by `inputs` (one per source input, in
/// order); returns the builder's value for every value of the source: map[node][result].
Result<std::vector<std::vector<Value>>> Inline(const Graph& source, std::span<const Value> inputs,
                                               GraphBuilder& builder);
/// The outputs of such a copy. For bodies, whose nodes were checked: it cannot fail.
std::vector<Value> InlineOutputs(const Graph& source, std::span<const Value> inputs,
                                 GraphBuilder& builder);

}  // namespace descent
