// ModelBuilder: from layers to a Model that `descent` checks, compiles and trains.
//
//   ModelBuilder m("mlp", 128);                                       // batch of 128
//   const Variable image = m.Input("image", {784});                   // f32[128, 784] from
//   features const Variable label = m.Label();                                 // i64[128] from
//   label const Variable logits = m.Add(Sequential(Linear(784, 512), ReLU(), Linear(512,
//   10)))(image); m.Classify(logits, label);                                        // predictions
//   and accuracy m.Train(CrossEntropy(logits, label), Adam(1e-3)); Result<Model> model =
//   std::move(m).Build();
//
// Errors of whatever kind are kept until Build, which reports the first one with the layer in which
// it happened.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "frontends/cpp/layer.h"
#include "frontends/cpp/optimizers.h"
#include "frontends/cpp/variable.h"
#include "ir/graph.h"
#include "ir/model.h"

namespace descent::nn {

struct InputOptions {
  DType dtype = DType::kF32;
  std::string column = "features";  ///< as InputBinding's
  Normalization normalization = Normalization::kNone;
  double scale = 1;  ///< of Normalization::kScale
};

/// Of images whose pixels are bytes: numbers from 0 to 1.
InputOptions Pixels();

class ModelBuilder {
 public:
  /// `batch`: rows of a training step, at least 1.
  ModelBuilder(std::string name, int64_t batch);
  ModelBuilder(const ModelBuilder&) = delete;
  ModelBuilder& operator=(const ModelBuilder&) = delete;

  // ---- what the model is ----------------------------------------------------------------------

  /// Comment lines at the head of the model.
  void Comment(std::string text) { model_.comment = std::move(text); }
  /// An input [batch, shape...] that data feeds.
  Variable Input(std::string name, Shape shape, const InputOptions& options = {});
  /// The input "label" [batch, shape...] from the label column.
  Variable Label(Shape shape = {}, DType dtype = DType::kI64);
  /// Makes the parameters of a layer the model's, under `name` where there is one: "encoder" gives
  /// "encoder.0.weight". Gives the layer back.
  Layer Add(const Layer& layer) { return Add("", layer); }
  Layer Add(const std::string& name, const Layer& layer);

  // ---- what is done with it -------------------------------------------------------------------

  /// A value that is there for those who ask for it by name.
  void Output(const std::string& name, const Variable& value) { AddOutput(name, value.value()); }
  void Predict(const std::string& name, const Variable& value,
               PredictionKind kind = PredictionKind::kValue);
  /// A metric operator over variables.
  void Measure(const std::string& name, const std::string& op,
               const std::vector<Variable>& operands);
  /// Predicts the probabilities of classes, the softmax of logits [batch, classes], and measures
  /// their accuracy.
  void Classify(const Variable& logits, const Variable& label);
  /// One update: `optimizer` lowers the scalar `loss` over the parameters that match a glob.
  void Train(const Variable& loss, const Optimizer& optimizer, const std::string& parameters = "*");

  /// The verified model, or the first error.
  Result<Model> Build() &&;

  // ---- for layers -----------------------------------------------------------------------------

  std::vector<Variable> Apply(std::string_view op, const std::vector<Variable>& operands,
                              Attributes attributes);
  /// The value of a parameter of an added layer.
  Variable Read(const Parameter& parameter);
  /// What replaces a statistic after the training step; reads from now on give this value.
  void Replace(const Parameter& statistic, const Variable& next);
  Variable Scalar(DType dtype, double number);
  /// A number that keeps a random operator apart from the others.
  int64_t NextStream() { return next_stream_++; }
  /// Keeps the first error.
  void Fail(std::string message);
  void Enter(const Layer& layer);
  void Leave(const Variable& result);

  // Of invalid values: no extents, f32.
  Shape ShapeOf(Value value) const;
  DType DTypeOf(Value value) const;

 private:
  /// Where a parameter stands in the model.
  struct Place {
    size_t slot = 0;  ///< in Model::slots
    Value first;      ///< what it is before the step
    Value now;        ///< what reads give
  };

  void AddParameter(const std::string& name, const Parameter& parameter);
  void NamePaths(const Layer& layer, const std::string& path);
  /// A graph input, or an invalid value where the type is too large.
  Value AddInput(const std::string& name, TensorType type);
  void AddOutput(const std::string& name, Value value);
  /// The name by which a metric reads a value: its input's or output's, made where there is none.
  std::string OperandName(const Variable& value, const std::string& name);
  /// Into the order of the text form: those that it lists, then those that other statements imply.
  void SortOutputs();
  /// "in layer1.0 (Block): "
  std::string Whereabouts() const;

  Model model_;
  GraphBuilder graph_;
  std::optional<Diagnostic> error_;
  std::map<const void*, Place> parameters_;
  std::vector<Parameter> replaced_;           ///< statistics, in the order of their replacement
  std::map<const void*, std::string> paths_;  ///< of the layers that were added
  std::vector<Layer> active_;                 ///< being computed, outermost first
  std::vector<NamedValue> inputs_, outputs_;
  std::vector<std::pair<Value, std::string>> labels_;  ///< results of layers, by their paths
  int64_t next_stream_ = 1;
};

}  // namespace descent::nn
