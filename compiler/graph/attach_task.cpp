#include "compiler/graph/attach_task.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "compiler/graph/class_axis.h"
#include "compiler/graph/differentiate.h"
#include "compiler/graph/optimizers.h"
#include "compiler/graph/pattern.h"
#include "compiler/graph/transcribe.h"
#include "ir/op_def.h"

namespace descent {
namespace {

/// How a loss is attached.
struct LossRule {
  std::string_view name;
  bool classes = false;             ///< the target holds class numbers
  std::string_view link = {};       ///< operator that turns logits into what the loss is named for
  std::string_view of_logits = {};  ///< the loss of logits; empty: there is none
  std::string_view metric = {};
};

constexpr LossRule kLosses[] = {
    {"cross_entropy", true, "softmax", "cross_entropy", "accuracy"},
    {"nll", true, "log_softmax", "cross_entropy", "accuracy"},
    {"bce", false, "sigmoid", "bce_with_logits", "binary_accuracy"},
    {"bce_with_logits", false, "sigmoid", "bce_with_logits", "binary_accuracy"},
    {"mse", false, {}, {}, "mean_absolute_error"},
    {"mae", false, {}, {}, "mean_absolute_error"},
    {"huber", false, {}, {}, "mean_absolute_error"},
    {"smooth_l1", false, {}, {}, "mean_absolute_error"},
    {"hinge"},
    {"poisson_nll"},
};

/// The probabilities [1 - p, p] of two classes, of which only one has a logit: scikit-learn's
/// binary classifiers.
const Pattern& TwoClasses() {
  static const Pattern kPattern = ParsePattern("concat(sub(1, sigmoid(z)), sigmoid(z); axis=$a)");
  return kPattern;
}

/// What a loss is computed of.
struct Answer {
  Value output;       ///< what the loss is named for
  Value logits = {};  ///< what the loss of logits takes; not valid where there are none
  bool is_probability_of_second = false;  ///< of two classes, both of which the model's output has
};

/// Does an operator of this name turn logits into what a loss of classes is named for?
bool GivesClasses(std::string_view op) {
  return std::ranges::any_of(kLosses,
                             [&](const LossRule& rule) { return rule.classes && rule.link == op; });
}

/// A value and the operators that arrange its elements anew behind it (transposes, reshapes), the
/// last one first.
struct Arranged {
  Value value;
  std::vector<Value> behind = {};
};

/// `output` without what only arranges it.
Arranged WithoutArrangement(const Graph& graph, Value output) {
  Arranged found{output};
  while (ArrangedAxes(graph, graph.node(found.value))) {
    found.behind.push_back(found.value);
    found.value = graph.node(found.value).operands[0];
  }
  return found;
}

class TaskBuilder {
 public:
  TaskBuilder(const Model& model, const Task& task)
      : task_(task), model_(model), source_(model.graph) {}

  Result<Model> Build() {
    if (!model_.updates.empty() || !model_.entry.empty())
      return Error("model {} has a task already", Quoted(model_.name));
    first_ = FirstOutput();
    if (first_ == nullptr) return Error("model {} has no output", Quoted(model_.name));
    DESCENT_RETURN_IF_ERROR(FindBatch());
    ValueMap map = CopyInputs(source_, b_);
    DESCENT_RETURN_IF_ERROR(Transcribe(source_, OutputValues(source_), KeepNode, map, b_));
    for (const NamedValue& output : source_.outputs()) b_.Output(output.name, map.At(output.value));
    DESCENT_RETURN_IF_ERROR(task_.loss.empty() ? UseFirstOutput() : AddLoss(map));
    model_.updates.push_back({.loss = loss_, .optimizer = task_.optimizer});
    DESCENT_RETURN_IF_ERROR(CheckUpdate(model_.updates[0]));
    model_.graph = std::move(b_).Build();
    DESCENT_RETURN_IF_ERROR(Verify(model_));
    return std::move(model_);
  }

 private:
  /// The first of floating-point numbers, if there is one: classifiers of scikit-learn tell the
  /// class before its probability. Next values of statistics stand among the outputs, but are no
  /// answer of the model.
  const NamedValue* FirstOutput() const {
    const NamedValue* first = nullptr;
    for (const NamedValue& output : source_.outputs()) {
      if (model_.FindReplaced(output.name) != nullptr) continue;
      if (Info(source_.type(output.value).dtype).is_float) return &output;
      if (first == nullptr) first = &output;
    }
    return first;
  }

  Result<void> FindBatch() {
    if (model_.batch > 0) return {};
    if (model_.inputs.empty()) return Error("model {} has no input", Quoted(model_.name));
    const TensorType& first = model_.inputs[0].type;
    if (first.rank() == 0)
      return Error("the first input, {}, is a scalar; it must have an axis of rows",
                   Quoted(model_.inputs[0].name));
    model_.batch = first.shape[0];
    for (InputBinding& input : model_.inputs)
      if (input.type.rank() > 0 && input.type.shape[0] == model_.batch) input.batch_axis = 0;
    return {};
  }

  /// One input is fed from all features, each of several from the column of its name.
  void FeedByName(std::span<InputBinding> inputs) {
    if (inputs.size() < 2) return;
    for (InputBinding& input : inputs) input.column = input.name;
  }

  /// The axis of a softmax or log_softmax that gives the output, as the output has it; not of rows.
  std::optional<int64_t> LinkAxis() const {
    const Arranged link = WithoutArrangement(source_, first_->value);
    const Node& node = source_.node(link.value);
    if (!GivesClasses(node.op->name)) return std::nullopt;
    const int rank = source_.type(link.value).rank();
    int64_t axis = (node.attributes.Int("axis") + rank) % rank;
    for (auto value = link.behind.rbegin(); value != link.behind.rend() && axis >= 0; ++value)
      axis = (*ArrangedAxes(source_, source_.node(*value)))[axis];
    return axis > 0 ? std::optional(axis) : std::nullopt;
  }

  Result<int64_t> FindClassAxis(const TensorType& type) const {
    if (task_.class_axis) {
      const int64_t given = *task_.class_axis;
      const int64_t axis = given < 0 ? given + type.rank() : given;
      if (axis > 0 && axis < type.rank()) return axis;
      return ErrorWithStatus(
          ExitStatus::kUsage,
          "axis {} of the first output, {}, cannot be that of the classes: it is {}, with {} "
          "behind that of the rows",
          given, Quoted(first_->name), ToString(type),
          type.rank() == 2 ? "axis 1" : fmt::format("axes 1 to {}", type.rank() - 1));
    }
    if (type.rank() == 2) return 1;
    if (const auto axis = LinkAxis()) return *axis;
    if (const auto axis = ClassAxisOfWeights(model_, first_->value)) return *axis;
    return std::unexpected(Diagnostic{
        .message = fmt::format(
            "which axis of the first output, {}, holds the classes cannot be told: it is {}, and "
            "neither a softmax nor the weights of one last layer give it",
            Quoted(first_->name), ToString(type)),
        .hint = "say it: --class-axis 1 where it stands behind the rows, as PyTorch has it, "
                "--class-axis -1 where it is the last",
        .status = ExitStatus::kUsage});
  }

  /// Where the output is the link of the loss along the axis of classes, its operand, arranged as
  /// the output is.
  Answer AnswerOf(const LossRule& rule, Value output, const ValueMap& map) {
    if (const auto answer = OfTwoClasses(rule, output)) return *answer;
    const Arranged link = WithoutArrangement(source_, first_->value);
    const Node& node = source_.node(link.value);
    if (rule.link.empty() || node.op->name != rule.link) return {output};
    if (rule.classes && LinkAxis() != class_axis_) return {output};
    Value logits = map.At(node.operands[0]);
    for (auto value = link.behind.rbegin(); value != link.behind.rend(); ++value) {
      auto copy = b_.Copy(source_.node(*value), {logits});
      DESCENT_CHECK(copy.has_value(), "an arrangement of values of the same type");
      logits = copy->front();
    }
    return {output, logits};
  }

  /// [1 - p, p] is the softmax of [0, z]. A loss that compares with 0 or 1 takes p alone.
  std::optional<Answer> OfTwoClasses(const LossRule& rule, Value output) {
    if (rule.link != "softmax" && rule.link != "sigmoid") return std::nullopt;
    const auto match = MatchPattern(TwoClasses(), {}, b_, output);
    if (!match || b_.shape(output) != Shape{b_.shape(output)[0], 2}) return std::nullopt;
    const Value z = match->values.at("z");
    if (!rule.classes) return Answer{b_.node(output).operands[1], z, true};
    return Answer{output, b_.Add("pad", {z},
                                 {{"low", std::vector<int64_t>{0, 1}},
                                  {"high", std::vector<int64_t>{0, 0}}})};
  }

  Result<void> AddLoss(const ValueMap& map) {
    const Value output = map.At(first_->value);
    const auto* rule = std::ranges::find(kLosses, task_.loss, &LossRule::name);
    if (rule == std::end(kLosses))
      return Error("there is no loss {}; there are {}", Quoted(task_.loss),
                   fmt::join(TaskLosses(), ", "));
    const TensorType type = b_.type(output);
    if (type.rank() == 0 || type.shape[0] != model_.batch || !Info(type.dtype).is_float)
      return Error(
          "the first output, {}, is {}; a loss needs floats with a row for each of {} rows",
          Quoted(first_->name), ToString(type), model_.batch);
    if (rule->classes && type.rank() < 2)
      return Error("the first output, {}, is {}; {} needs an axis of classes", Quoted(first_->name),
                   ToString(type), rule->name);
    if (rule->classes) {
      DESCENT_TRY(axis, FindClassAxis(type));
      class_axis_ = axis;
    }
    const Answer answer = AnswerOf(*rule, output, map);
    FeedByName(model_.inputs);
    const Value target = AddTarget(*rule, b_.type(answer.output));
    Attributes attributes;
    if (rule->classes) attributes.Set("axis", class_axis_);
    const bool of_logits = answer.logits.valid();
    DESCENT_TRY(loss, b_.TryAdd(of_logits ? rule->of_logits : rule->name,
                                {of_logits ? answer.logits : answer.output, target},
                                std::move(attributes), {.names = {Unused("loss")}}));
    loss_ = Unused("loss");
    b_.Output(loss_, loss[0]);
    AddPrediction(*rule, output, answer);
    return {};
  }

  Value AddTarget(const LossRule& rule, const TensorType& prediction) {
    TensorType type = prediction;
    if (rule.classes) {
      type.shape.erase(type.shape.begin() + class_axis_);
      type.dtype = DType::kI64;
    }
    const std::string name = Unused("target");
    model_.inputs.push_back({.name = name, .type = type, .batch_axis = 0, .column = "label"});
    target_ = name;
    return b_.Input(name, type);
  }

  /// What the trainer tells of a row: the output, of classes as probabilities.
  void AddPrediction(const LossRule& rule, Value output, const Answer& answer) {
    std::string name = first_->name;
    const Shape shape = b_.shape(output);
    const bool tells_classes =
        (rule.name == "cross_entropy" && shape.size() == 2) || answer.is_probability_of_second;
    const bool tells_one = rule.link == "sigmoid" && Elements(shape) == model_.batch;
    if ((tells_classes || rule.name == "bce_with_logits") && !answer.logits.valid()) {
      name = Unused("probabilities");
      b_.Output(name,
                b_.Add(rule.link, {output},
                       rule.classes ? Attributes{{"axis", class_axis_}} : Attributes{}, name));
    }
    model_.predictions.push_back({.name = name,
                                  .kind = tells_classes ? PredictionKind::kProbabilities
                                          : tells_one   ? PredictionKind::kProbability
                                                        : PredictionKind::kValue});
    if (answer.is_probability_of_second) {
      name = Unused("probability");
      b_.Output(name, answer.output);
    }
    if (rule.classes) name = WithClassesLast(name, output);
    if (!rule.metric.empty())
      model_.metrics.push_back({.name = std::string(rule.metric),
                                .op = std::string(rule.metric),
                                .operands = {name, target_}});
  }

  /// What metrics compare, which want the axis of classes to be the last: `name`, or another
  /// output.
  std::string WithClassesLast(const std::string& name, Value output) {
    const auto rank = static_cast<int64_t>(b_.shape(output).size());
    if (class_axis_ + 1 == rank) return name;
    std::vector<int64_t> order(rank);
    std::iota(order.begin(), order.end(), 0);
    order.erase(order.begin() + class_axis_);
    order.push_back(class_axis_);
    std::string moved = Unused("classes_last");
    b_.Output(moved, b_.Add("transpose", {output}, {{"permutation", order}}, moved));
    return moved;
  }

  /// The loss is in the graph; the last input is the target, the other outputs are predictions.
  Result<void> UseFirstOutput() {
    const TensorType& type = source_.type(first_->value);
    if (type.rank() != 0 || !Info(type.dtype).is_float)
      return Error("the first output, {}, is {}, not a loss: a floating-point scalar",
                   Quoted(first_->name), ToString(type));
    loss_ = first_->name;
    if (model_.inputs.size() > 1) {
      model_.inputs.back().column = "label";
      FeedByName(std::span(model_.inputs).first(model_.inputs.size() - 1));
    }
    for (const NamedValue& output : source_.outputs())
      if (output.name != loss_ && model_.FindReplaced(output.name) == nullptr)
        model_.predictions.push_back({.name = output.name});
    return {};
  }

  /// `name`, with a number where something of the model is called so.
  std::string Unused(const std::string& name) const {
    const auto used = [&](const std::string& candidate) {
      return source_.FindInput(candidate) != nullptr || source_.FindOutput(candidate) != nullptr;
    };
    std::string candidate = name;
    for (int i = 2; used(candidate); ++i) candidate = fmt::format("{}_{}", name, i);
    return candidate;
  }

  const Task& task_;
  Model model_;
  const Graph& source_;
  const NamedValue* first_ = nullptr;
  GraphBuilder b_;
  std::string loss_, target_;
  int64_t class_axis_ = 1;  ///< of losses of classes
};

bool IsNamed(const std::vector<std::string>& names, const Slot& slot) {
  return std::ranges::find(names, slot.name) != names.end();
}

bool MatchesAny(const std::vector<std::string>& patterns, const Slot& slot) {
  return std::ranges::any_of(
      patterns, [&](const std::string& pattern) { return MatchesPattern(pattern, slot.name); });
}

/// Whether some operator reads the input as its operand "scale", which is around 1.
bool IsScale(const Graph& graph, Value input) {
  return std::ranges::any_of(graph.nodes(), [&](const Node& node) {
    const auto& operands = node.op->signature.operands;
    for (size_t i = 0; i < std::min(operands.size(), node.operands.size()); ++i)
      if (node.operands[i] == input && operands[i].name == "scale") return true;
    return false;
  });
}

/// Is the matrix `input` read as [out, in]?
bool IsTransposed(const Graph& graph, Value input) {
  return std::ranges::any_of(graph.nodes(), [&](const Node& node) {
    const bool is_second = node.operands.size() > 1 && node.operands[1] == input;
    return is_second && node.attributes.Find("transpose_b") != nullptr &&
           node.attributes.Bool("transpose_b");
  });
}

/// Values as layers begin with; matrices as he_uniform has them, for as many inputs as they have.
Initializer FreshValues(const Slot& slot, const Graph& graph) {
  const NamedValue* input = graph.FindInput(slot.name);
  if (input != nullptr && IsScale(graph, input->value)) return {.op = "ones"};
  if (slot.type.rank() < 2) return {.op = "zeros"};
  if (slot.type.rank() > 2 || input == nullptr || !IsTransposed(graph, input->value))
    return {.op = "he_uniform"};
  const double limit =
      std::sqrt(6.0 / static_cast<double>(std::max<int64_t>(slot.type.shape[1], 1)));
  return {.op = "random_uniform", .attributes = {{"low", -limit}, {"high", limit}}};
}

}  // namespace

const std::vector<std::string>& TaskLosses() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const LossRule& rule : kLosses) names.emplace_back(rule.name);
    return names;
  }();
  return kNames;
}

bool IsOfClasses(const std::string& loss) {
  return std::ranges::any_of(
      kLosses, [&](const LossRule& rule) { return rule.classes && rule.name == loss; });
}

Result<Model> AttachTask(const Model& model, const Task& task) {
  return TaskBuilder(model, task).Build();
}

Result<void> ChooseTrained(Model& model, const std::vector<std::string>& freeze,
                           const std::vector<std::string>& train) {
  for (const auto* patterns : {&freeze, &train})
    for (const std::string& pattern : *patterns)
      if (std::ranges::none_of(model.slots, [&](const Slot& slot) {
            return slot.kind == SlotKind::kParameter && MatchesPattern(pattern, slot.name);
          }))
        return Error("no parameter is called {}", Quoted(pattern));
  for (Slot& slot : model.slots) {
    if (slot.kind != SlotKind::kParameter) continue;
    if (IsNamed(train, slot)) slot.trainable = true;
    if (MatchesAny(freeze, slot) || (!train.empty() && !MatchesAny(train, slot)))
      slot.trainable = false;
  }
  return {};
}

Result<void> FreezeWithoutDerivative(Model& model, const std::vector<std::string>& train) {
  const std::vector<const Slot*> without =
      ParametersWithoutDerivative(model, model.updates.front().loss);
  const auto is_trained = [&](const Slot& slot) {
    return slot.kind == SlotKind::kParameter && slot.trainable;
  };
  const auto stays = [&](const Slot& slot) {
    return is_trained(slot) && std::ranges::find(without, &slot) == without.end();
  };
  const bool leaves_some = std::ranges::any_of(model.slots, stays);
  for (Slot& slot : model.slots) {
    if (!is_trained(slot) || stays(slot)) continue;
    if (IsNamed(train, slot)) {
      Diagnostic error = HasNoDerivative(slot);
      error.hint += fmt::format("; without --train {} it keeps its value", slot.name);
      return std::unexpected(std::move(error));
    }
    if (leaves_some) slot.trainable = false;
  }
  return {};
}

void Reinitialize(Model& model) {
  for (Slot& slot : model.slots) {
    if (slot.kind != SlotKind::kParameter || !slot.trainable) continue;
    if (slot.type.rank() > 0) slot.initializer = FreshValues(slot, model.graph);
  }
}

}  // namespace descent
