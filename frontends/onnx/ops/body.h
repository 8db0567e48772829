// Graphs in graphs: bodies of control operators, as graphs of their own or in place of the node.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "frontends/onnx/node.h"
#include "frontends/onnx/registry.h"

namespace descent::onnx {

/// What an input or an output of a body stands for.
struct Bound {
  Bound(Value v) : value(v) {}                   // NOLINT: the usual case
  Bound(Sequence s) : sequence(std::move(s)) {}  // NOLINT
  Value value;
  std::optional<Sequence> sequence = std::nullopt;
  std::string missing = {};  ///< why there is no value, where nothing may read it
};

/// The graph of that attribute; null, and an error, where there is none.
const proto::GraphProto* BodyOf(OnnxNode& n, std::string_view attribute);

/// Operand `i`, whatever it is.
Bound BoundOperand(OnnxNode& n, int i);
/// Results of the node, in order.
Outputs OutputsOf(const std::vector<Bound>& results);

/// Puts the nodes of `body` in the place of `n`. The outputs of the body; nothing where a node
/// failed, which is then reported, or `n` did.
std::optional<std::vector<Bound>> RunInline(OnnxNode& n, const proto::GraphProto& body,
                                            std::span<const Bound> inputs);

/// A body that becomes a graph, which an attribute holds:
///
///   BodyGraph body(n, proto);
///   body.Input(0, type);          // input 0 of the body is input 0 of the graph
///   if (!body.Import()) return;
///   body.Result(body.Output(0));
///   const std::vector<Value> captured = body.captured();  // operands behind the inputs
///   ... body.Build() ...
class BodyGraph {
 public:
  BodyGraph(OnnxNode& n, const proto::GraphProto& body)
      : n_(n), body_(body), scope_(builder_, n.scope(), Scope::Body{}) {}

  GraphBuilder& builder() { return builder_; }
  Scope& scope() { return scope_; }

  /// The next input of the graph: input `i` of the body.
  Value Input(int i, TensorType type);
  /// Input `i` of the body is `value` of the graph.
  void Bind(int i, Value value);
  /// The nodes of the body; whether all are good. Else they are reported.
  bool Import();
  /// Output `i` of the body, which must be a tensor; else an error is reported.
  Value Output(int i);
  /// The next output of the graph.
  void Result(Value value);

  /// What the body reads from outside: the inputs of the graph behind those of Input.
  std::vector<Value> captured() const;
  std::shared_ptr<const Graph> Build();

 private:
  OnnxNode& n_;
  const proto::GraphProto& body_;
  GraphBuilder builder_;
  Scope scope_;
  int results_ = 0;
};

}  // namespace descent::onnx
