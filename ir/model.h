// Model: one graph and what is to be done with it.
//
// All stages between source and optimized are Models, so that each prints, parses and verifies: a
// pass is Model -> Model. `entry` is empty in a source model; after Specialize it names the entry
// point. Graph inputs are claimed by exactly one of `inputs` and `slots`, by name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace descent {

inline constexpr int kFormatVersion = 1;

/// How a slot gets its first value.
struct Initializer {
  /// An operator of the family `initializer` ("glorot_uniform"), expanded in the entry point
  /// initialize with attributes shape and dtype taken from the slot and `stream` from its position.
  /// Empty with `data` or `file`.
  std::string op;
  Attributes attributes;
  std::optional<Tensor> data;  ///< inline value
  std::string file;  ///< safetensors file inside the model's folder, tensor of the slot's name
};

enum class SlotKind : uint8_t {
  kParameter,
  kStatistic,  ///< state a model declares itself, such as running statistics
  kOptimizer,  ///< appended by AppendOptimizer
};
std::string_view ToString(SlotKind kind);

/// One tensor of the state, read through the graph input of the same name.
struct Slot {
  std::string name;
  TensorType type;
  SlotKind kind = SlotKind::kParameter;
  Initializer initializer;
  /// Name of the graph output that replaces the slot after a training step; "" = unchanged. For
  /// parameters and optimizer slots AppendOptimizer sets it.
  std::string next;

  // Parameters only.
  bool trainable = true;
  double l1 = 0;                       ///< adds l1 * sign(w) to the gradient
  double l2 = 0;                       ///< adds 2 * l2 * w to the gradient (penalty l2 * sum w^2)
  std::optional<double> weight_decay;  ///< decoupled; overrides the optimizer's

  std::string comment, trailing;  ///< as in Label
  SourceLocation location = {};
};

enum class Normalization : uint8_t { kNone, kStandardize, kMinMax, kScale };
std::string_view ToString(Normalization normalization);

/// A graph input fed from data.
struct InputBinding {
  std::string name;
  TensorType type;
  int batch_axis = -1;  ///< -1: no batch axis
  /// Data column: "features" (all that are not the label), "label", or a column's or array's name.
  std::string column = "features";
  Normalization normalization = Normalization::kNone;
  double scale = 1;               ///< kScale: values are multiplied by it
  std::string comment, trailing;  ///< as in Label
  SourceLocation location = {};
};

enum class PredictionKind : uint8_t {
  kValue,          ///< as it is
  kProbability,    ///< of the positive class, one column
  kProbabilities,  ///< one column per class
};
std::string_view ToString(PredictionKind kind);

struct Prediction {
  std::string name;  ///< graph output
  PredictionKind kind = PredictionKind::kValue;
  std::string comment, trailing;  ///< as in Label
  SourceLocation location = {};
};

/// A metric operator (family `metric`) over graph values; `loss` is always reported and needs no
/// entry.
struct Metric {
  std::string name;
  std::string op;
  std::vector<std::string> operands;  ///< names of graph outputs or inputs
  Attributes attributes;
  std::string comment, trailing;  ///< as in Label
  SourceLocation location = {};
};

/// One optimizer step on the parameters matching `parameters`.
struct Update {
  std::string loss;              ///< graph output, scalar float
  std::string parameters = "*";  ///< glob over parameter names
  std::string optimizer = "sgd";
  /// learning_rate and the optimizer's own. Numbers are floats (also `steps=1000`), so code that
  /// reads them asks for Float() only; the rest are bools, words and lists of floats.
  Attributes hyperparameters;
  std::string schedule = "constant";
  Attributes schedule_parameters;
  std::optional<double> clip_value;
  std::optional<double> clip_norm;
  int64_t every = 1;              ///< done at steps divisible by it
  std::string comment, trailing;  ///< as in Label
  SourceLocation location = {};
};

/// Whether `name` matches the glob `pattern`: '*' stands for any characters, '?' for one.
bool MatchesPattern(std::string_view pattern, std::string_view name);

/// A comment on a statement of the text that has no object of its own.
struct StatementComment {
  std::string statement;          ///< its first words: "batch", "output y", "}", "end"
  std::string comment, trailing;  ///< as in Label
  bool operator==(const StatementComment&) const = default;
};

struct Model {
  int format_version = kFormatVersion;
  std::string name;
  std::string comment;                     ///< header comment
  std::vector<StatementComment> comments;  ///< sorted by statement

  /// Batch sizes by entry point; 0 = the model's own (`batch`). The graph is built with `batch`.
  int64_t batch = 0;  ///< 0: no input has a batch axis
  int64_t evaluate_batch = 0;
  int64_t predict_batch = 0;
  bool keep_partial_batch = false;  ///< train on the last, partial batch, too

  std::vector<InputBinding> inputs;
  std::vector<Slot> slots;
  Graph graph;
  std::vector<Prediction> predictions;
  std::vector<Metric> metrics;
  std::vector<Update> updates;

  // Set by passes.
  std::string entry;  ///< "" | initialize | train_step | evaluate | predict | run
  /// After Specialize: the axes of outputs along which the rows stand. What composites are replaced
  /// by does not always show them.
  std::map<std::string, int, std::less<>> output_rows;
  std::vector<std::string> gradients;  ///< after Differentiate: outputs "grad.<parameter>"
  bool expanded = false;               ///< after Expand: no composite operators, and none again

  bool has_loss() const { return !updates.empty(); }
  const Slot* FindSlot(std::string_view name) const;
  const InputBinding* FindInput(std::string_view name) const;
  /// Whether there are parameters, and each has a value rather than an operator that draws one.
  bool HasValues() const;
  /// The slot whose next value the graph output of this name is, or null.
  const Slot* FindReplaced(std::string_view output) const;
};

/// The numbered invariants of docs/ir.md; the first violated one as a diagnostic that starts with
/// its number ("V7: ...").
Result<void> Verify(const Model& model);

}  // namespace descent
