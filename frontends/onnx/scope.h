// What the names of an ONNX graph stand for while it is imported.
//
// The model's graph, each body of a control operator and each call of a function is a scope. Bodies
// and the model have a builder each; a function's nodes go to the builder of its caller.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/onnx/static_value.h"
#include "ir/graph.h"
#include "ir/model.h"

namespace descent::onnx {

/// ONNX's sequences have a length that is known at import: they are lists of values.
using Sequence = std::vector<Value>;

class Scope {
 public:
  /// The model's graph: weights among its initializers that are read as values become slots of
  /// `model`.
  Scope(GraphBuilder& builder, Model& model);
  struct Body {};
  /// A graph in a graph: what it reads from outside becomes an input, listed in captures().
  Scope(GraphBuilder& builder, Scope& outside, Body);
  struct Inline {};
  /// A graph in a graph whose nodes go to the builder of the graph outside: what it reads from
  /// there it sees.
  Scope(Scope& outside, Inline);
  struct Function {};
  /// A function sees nothing of its caller but its operands.
  Scope(Scope& caller, Function);

  GraphBuilder& builder() { return builder_; }

  void Bind(const std::string& name, Value value);
  enum class Kind : uint8_t { kConstant, kWeight };
  void BindInitializer(const std::string& name, Tensor tensor, Kind kind);
  /// Weights that nothing has read become slots, too.
  void ReadAllWeights();
  void BindSequence(const std::string& name, Sequence sequence);
  bool Knows(std::string_view name) const;
  /// Whether the name is bound in this scope itself.
  bool Defines(std::string_view name) const;
  bool IsSequence(std::string_view name) const;
  /// The type of a tensor that is bound in this scope itself, which is not read by that.
  std::optional<TensorType> TypeOf(std::string_view name) const;

  /// Of a known name that is no sequence.
  Value Find(std::string_view name);
  Sequence FindSequence(std::string_view name);
  /// The constant that the name or the value stands for; fails, saying what it depends on. What it
  /// follows from is relied on: training must not change it.
  Result<Tensor> Static(std::string_view name);
  Result<Tensor> Static(Value value);
  /// Which elements of a vector that Static tells are the number of rows, whatever that is.
  std::vector<int> RowElements(std::string_view name);
  /// The same, only where no weight decides it.
  std::optional<Tensor> Settled(std::string_view name);
  /// The same as it is now, where weights decide it that nothing relies on.
  std::optional<Tensor> Current(std::string_view name);
  /// Slots of the model that Static has told.
  const std::set<std::string, std::less<>>& relied_on() const { return relied_on_; }

  /// `slot`, where it is an initializer of the model, becomes a statistic: training leaves it to
  /// `next`, its next value.
  void MakeStatistic(Value slot, Value next);

  struct Captured {
    std::string name;  ///< of the body's input
    Value outside;
  };
  const std::vector<Captured>& captures() const { return captures_; }
  const Scope* outside() const { return outside_; }
  Scope* outside() { return outside_; }
  /// Shapes are those of a batch with so many rows.
  void SetRows(int64_t rows) { statics_->SetRows(rows); }
  std::optional<int64_t> rows() const { return statics_->rows(); }

 private:
  struct Initializer {
    Tensor tensor;
    Kind kind;
  };
  Value Materialize(const std::string& name, const Initializer& initializer);
  Value CaptureValue(std::string_view name);
  Value Capture(std::string_view name, Value outside);
  bool IsInline() const { return &builder_ == &outside_->builder_; }

  GraphBuilder& builder_;
  Scope* outside_ = nullptr;  ///< of a body
  Model* model_ = nullptr;    ///< of the model's graph
  std::map<std::string, Value, std::less<>> values_;
  std::map<std::string, Initializer, std::less<>> initializers_;
  std::map<std::string, Sequence, std::less<>> sequences_;
  std::vector<Captured> captures_;
  std::set<std::string, std::less<>> relied_on_;  ///< of the model's graph
  std::shared_ptr<StaticValues> statics_;         ///< shared by the scopes of a builder
};

}  // namespace descent::onnx
