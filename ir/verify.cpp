#include "ir/verify.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "ir/io/limits.h"
#include "ir/model.h"
#include "ir/op_def.h"
#include "ir/utf8.h"

namespace descent {
namespace {

constexpr std::array<std::string_view, 5> kEntries = {"initialize", "train_step", "evaluate",
                                                      "predict", "run"};

bool IsSource(const Model& model) { return model.entry.empty(); }
/// Statements about outputs bind in the source model and in the entry point they are about.
bool Binds(const Model& model, std::string_view entry) {
  return IsSource(model) || model.entry == entry;
}

/// An error of the item that stands at `location`.
std::unexpected<Diagnostic> At(const SourceLocation& location, std::unexpected<Diagnostic> error) {
  error.error().location = location;
  return error;
}

// ---- V1 to V3: version, text, names
// ---------------------------------------------------------------

Result<void> CheckVersion(const Model& model) {
  if (model.format_version >= 1 && model.format_version <= kFormatVersion) return {};
  return Error("format version {} is not from 1 to {}", model.format_version, kFormatVersion);
}

/// Names and comments must survive every form of file: UTF-8, no control characters.
bool IsPlainText(std::string_view text) {
  return !FirstInvalidUtf8(text) && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

Result<void> CheckName(std::string_view what, std::string_view name) {
  if (name.empty()) return Error("{} has no name", what);
  if (name.size() > kMaxNameBytes)
    return Error("the name of {} has {} bytes; at most {} are allowed", what, name.size(),
                 kMaxNameBytes);
  if (!IsPlainText(name)) return Error("the name {} of {} is not plain UTF-8", Quoted(name), what);
  return {};
}

Result<void> CheckComment(std::string_view of, std::string_view above, std::string_view trailing) {
  bool plain = IsPlainText(trailing);
  for (size_t begin = 0; begin <= above.size();) {
    const size_t end = std::min(above.find('\n', begin), above.size());
    plain = plain && IsPlainText(above.substr(begin, end - begin));
    begin = end + 1;
  }
  if (plain) return {};
  return Error("a comment on {} is not plain UTF-8", of);
}

Result<void> CheckTextOfGraph(const Graph& graph) {
  for (const NamedValue& input : graph.inputs())
    DESCENT_RETURN_IF_ERROR(CheckName("a graph input", input.name));
  for (const NamedValue& output : graph.outputs())
    DESCENT_RETURN_IF_ERROR(CheckName("a graph output", output.name));
  for (const Node& node : graph.nodes()) {
    for (const std::string& name : node.label.names)
      if (!name.empty()) DESCENT_RETURN_IF_ERROR(CheckName("a value", name));
    if (!node.label.origin.empty())
      DESCENT_RETURN_IF_ERROR(CheckName("an origin", node.label.origin));
    DESCENT_RETURN_IF_ERROR(CheckComment("a node", node.label.comment, node.label.trailing));
  }
  return {};
}

Result<void> CheckText(const Model& model) {
  if (!model.name.empty()) DESCENT_RETURN_IF_ERROR(CheckName("the model", model.name));
  DESCENT_RETURN_IF_ERROR(CheckComment("the model", model.comment, ""));
  for (const StatementComment& comment : model.comments)
    DESCENT_RETURN_IF_ERROR(CheckComment("a statement", comment.comment, comment.trailing));
  const auto all = [](std::string_view what, const auto& items) -> Result<void> {
    for (const auto& item : items) {
      DESCENT_RETURN_IF_ERROR(CheckName(what, item.name));
      DESCENT_RETURN_IF_ERROR(CheckComment(what, item.comment, item.trailing));
    }
    return {};
  };
  DESCENT_RETURN_IF_ERROR(all("an input", model.inputs));
  DESCENT_RETURN_IF_ERROR(all("a slot", model.slots));
  DESCENT_RETURN_IF_ERROR(all("a prediction", model.predictions));
  DESCENT_RETURN_IF_ERROR(all("a metric", model.metrics));
  for (const InputBinding& input : model.inputs)
    DESCENT_RETURN_IF_ERROR(CheckName("a column", input.column));
  for (const Update& update : model.updates) {
    DESCENT_RETURN_IF_ERROR(CheckName("a loss", update.loss));
    DESCENT_RETURN_IF_ERROR(CheckName("an optimizer", update.optimizer));
    DESCENT_RETURN_IF_ERROR(CheckName("a schedule", update.schedule));
    DESCENT_RETURN_IF_ERROR(CheckName("a pattern of parameters", update.parameters));
    DESCENT_RETURN_IF_ERROR(CheckComment("an update", update.comment, update.trailing));
  }
  return CheckTextOfGraph(model.graph);
}

class Names {
 public:
  explicit Names(std::string_view what) : what_(what) {}
  Result<void> Add(std::string_view name) {
    if (used_.insert(name).second) return {};
    return Error("two {} are named {}", what_, Quoted(name));
  }
  template <typename Items>
  Result<void> AddAll(const Items& items) {
    for (const auto& item : items) DESCENT_RETURN_IF_ERROR(Add(item.name));
    return {};
  }

 private:
  std::string_view what_;
  std::unordered_set<std::string_view> used_;
};

Result<void> CheckUnique(const Model& model) {
  Names declared("inputs or slots");
  DESCENT_RETURN_IF_ERROR(declared.AddAll(model.inputs));
  DESCENT_RETURN_IF_ERROR(declared.AddAll(model.slots));
  DESCENT_RETURN_IF_ERROR(Names("predictions").AddAll(model.predictions));
  DESCENT_RETURN_IF_ERROR(Names("metrics").AddAll(model.metrics));
  DESCENT_RETURN_IF_ERROR(Names("graph inputs").AddAll(model.graph.inputs()));
  return Names("graph outputs").AddAll(model.graph.outputs());
}

// ---- V4 and V5: graph inputs
// ----------------------------------------------------------------------

Result<void> CheckClaims(const Model& model) {
  std::unordered_map<std::string_view, const TensorType*> declared;
  for (const InputBinding& input : model.inputs) declared.emplace(input.name, &input.type);
  for (const Slot& slot : model.slots) declared.emplace(slot.name, &slot.type);
  for (const NamedValue& input : model.graph.inputs()) {
    const auto place = declared.find(input.name);
    if (place == declared.end())
      return Error("the graph input {} is neither an input nor a slot of the model",
                   Quoted(input.name));
    if (*place->second != model.graph.type(input.value))
      return Error("the graph input {} is {}, but declared {}", Quoted(input.name),
                   ToString(model.graph.type(input.value)), ToString(*place->second));
  }
  return {};
}

Result<void> CheckOrder(const Model& model) {
  std::unordered_map<std::string_view, size_t> position;
  for (const NamedValue& input : model.graph.inputs())
    position.emplace(input.name, position.size());
  const auto in_order = [&](const auto& items) -> Result<void> {
    size_t last = 0;
    for (const auto& item : items) {
      const auto place = position.find(item.name);
      if (place == position.end()) continue;
      if (place->second < last)
        return Error("the graph input {} stands before one that is declared earlier",
                     Quoted(item.name));
      last = place->second;
    }
    return {};
  };
  DESCENT_RETURN_IF_ERROR(in_order(model.inputs));
  return in_order(model.slots);
}

// ---- V6 to V8: nodes
// ------------------------------------------------------------------------------

Result<void> CheckTypes(const Node& node, std::span<const TensorType> operands) {
  Attributes attributes = node.attributes;
  DESCENT_TRY(types, InferTypes(*node.op, operands, attributes));
  if (!SameAttributes(attributes, node.attributes))
    return Error("an attribute that has a default is missing");
  if (types != node.types) return Error("its types are not those that the operator infers");
  for (const TensorType& type : types)
    if (type.rank() > kMaxRank || !CheckedElements(type.shape))
      return Error("{} is too large", ToString(type));
  return {};
}

Result<void> CheckExpr(const Node& node, std::span<const TensorType> operands) {
  if (node.op->define == nullptr) return {};
  const TensorExpr expr = node.op->define({operands, node.attributes});
  const std::string violation = Violation(expr, operands);
  if (!violation.empty()) return Error("its expression is not well-formed: {}", violation);
  if (expr.results.size() != node.types.size())
    return Error("its expression has {} results, not {}", expr.results.size(), node.types.size());
  const Shape shape(expr.axes.begin(), expr.axes.begin() + expr.rank);
  for (size_t i = 0; i < node.types.size(); ++i)
    if (node.types[i] != TensorType{expr.results[i]->dtype, shape})
      return Error("its expression gives {}, not {}",
                   ToString(TensorType{expr.results[i]->dtype, shape}), ToString(node.types[i]));
  return {};
}

using NodeCheck = Result<void> (*)(const Node&, std::span<const TensorType>);

/// Runs a check over the nodes of a graph and of its bodies; the diagnostic names the node.
Result<void> ForEachNode(const Graph& graph, NodeCheck check, int depth = 0) {
  if (depth > kMaxBodyDepth) return {};  // V6
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    std::vector<TensorType> operands;
    for (const Value operand : node.operands) operands.push_back(graph.type(operand));
    if (auto checked = check(node, operands); !checked) {
      Diagnostic diagnostic = std::move(checked).error();
      diagnostic.message =
          fmt::format("{} ({}): {}", Quoted(graph.NameOf({static_cast<int32_t>(i)})), node.op->name,
                      diagnostic.message);
      diagnostic.location = node.label.location;
      return std::unexpected(std::move(diagnostic));
    }
    for (const auto& [name, value] : node.attributes)
      if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value))
        DESCENT_RETURN_IF_ERROR(ForEachNode(**body, check, depth + 1));
  }
  return {};
}

Result<void> CheckNodeTypes(const Model& model) { return ForEachNode(model.graph, CheckTypes); }
Result<void> CheckNodeExprs(const Model& model) { return ForEachNode(model.graph, CheckExpr); }

Result<void> CheckBody(const Graph& body, int depth) {
  if (depth > kMaxBodyDepth) return Error("bodies are nested more than {} deep", kMaxBodyDepth);
  if (depth > 0) {
    DESCENT_RETURN_IF_ERROR(CheckTextOfGraph(body));
    DESCENT_RETURN_IF_ERROR(Names("inputs of one body").AddAll(body.inputs()));
    DESCENT_RETURN_IF_ERROR(Names("outputs of one body").AddAll(body.outputs()));
  }
  for (const Node& node : body.nodes())
    for (const auto& [name, value] : node.attributes)
      if (const auto* inner = std::get_if<std::shared_ptr<const Graph>>(&value))
        DESCENT_RETURN_IF_ERROR(CheckBody(**inner, depth + 1));
  return {};
}

Result<void> CheckBodies(const Model& model) { return CheckBody(model.graph, 0); }

// ---- V9 and V10: batch and data
// -------------------------------------------------------------------

Result<void> CheckBatch(const Model& model) {
  if (model.batch < 0 || model.evaluate_batch < 0 || model.predict_batch < 0)
    return Error("a batch size is negative");
  const InputBinding* first = nullptr;
  for (const InputBinding& input : model.inputs) {
    if (input.batch_axis < -1 || input.batch_axis >= input.type.rank())
      return At(input.location, Error("input {} has no axis {} to be the batch axis",
                                      Quoted(input.name), input.batch_axis));
    if (input.batch_axis < 0) continue;
    const int64_t extent = input.type.shape[input.batch_axis];
    if (IsSource(model) && extent != model.batch)
      return At(input.location,
                Error("the batch axis of input {} has extent {}, but the batch size is {}",
                      Quoted(input.name), extent, model.batch));
    if (first == nullptr) first = &input;
    if (extent != first->type.shape[first->batch_axis])
      return At(input.location, Error("inputs {} and {} have batch axes of different extents",
                                      Quoted(first->name), Quoted(input.name)));
  }
  if (IsSource(model) && first == nullptr &&
      (model.evaluate_batch > 0 || model.predict_batch > 0 || model.keep_partial_batch))
    return Error("batch sizes are given, but no input has a batch axis");
  return {};
}

Result<void> CheckNormalization(const Model& model) {
  for (const InputBinding& input : model.inputs) {
    if (input.normalization == Normalization::kNone) continue;
    if (!Info(input.type.dtype).is_float)
      return At(input.location, Error("input {} is {}; only floats are normalized",
                                      Quoted(input.name), Info(input.type.dtype).name));
    if (input.normalization == Normalization::kScale &&
        (!std::isfinite(input.scale) || input.scale == 0))
      return At(input.location, Error("the scale of input {} must be finite and not 0, not {}",
                                      Quoted(input.name), input.scale));
  }
  return {};
}

// ---- V11 to V13: slots
// ----------------------------------------------------------------------------

bool IsInitializer(const OpDef* op) {
  return std::ranges::any_of(OpFamilies(), [op](const OpFamily& family) {
    return family.name == "initializer" && op >= family.ops.data() &&
           op < family.ops.data() + family.ops.size();
  });
}

Result<void> CheckInitializerOp(const Slot& slot) {
  const OpDef* op = FindOp(slot.initializer.op);
  if (op == nullptr || !IsInitializer(op))
    return Error("{} is not an initializer", Quoted(slot.initializer.op));
  Attributes attributes = slot.initializer.attributes;
  for (const AttributeSpec& spec : op->signature.attributes) {
    const bool from_slot = spec.name == "shape" || spec.name == "dtype" || spec.name == "stream";
    if (from_slot && attributes.Find(spec.name) != nullptr)
      return Error("attribute {} follows from the slot", spec.name);
    if (spec.name == "shape") attributes.Set("shape", slot.type.shape);
    if (spec.name == "dtype") attributes.Set("dtype", slot.type.dtype);
    if (spec.name == "stream") attributes.Set("stream", int64_t{0});
  }
  DESCENT_TRY(types, InferTypes(*op, {}, attributes));
  if (types.size() != 1 || types[0] != slot.type)
    return Error("{} does not give {}", slot.initializer.op, ToString(slot.type));
  return {};
}

/// A file of parameters lies inside the model's folder.
bool IsInsideFolder(std::string_view path) {
  if (path.empty() || path.front() == '/' || !IsPlainText(path)) return false;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (path.substr(begin, end - begin) == "..") return false;
    begin = end + 1;
  }
  return true;
}

Result<void> CheckInitializer(const Model& model, const Slot& slot) {
  const Initializer& initializer = slot.initializer;
  const int sources =
      !initializer.op.empty() + initializer.data.has_value() + !initializer.file.empty();
  if (sources > 1 || (sources == 0 && IsSource(model)))
    return Error("a slot has one initializer, tensor or file, not {}", sources);
  if (initializer.data && initializer.data->type() != slot.type)
    return Error("its data are {}, not {}", ToString(initializer.data->type()),
                 ToString(slot.type));
  if (!initializer.file.empty() && !IsInsideFolder(initializer.file))
    return Error("file {} is not inside the model's folder", Quoted(initializer.file));
  return initializer.op.empty() ? Result<void>() : CheckInitializerOp(slot);
}

Result<void> CheckInitializers(const Model& model) {
  for (const Slot& slot : model.slots)
    if (auto checked = CheckInitializer(model, slot); !checked)
      return At(slot.location, Error("{} {}: {}", ToString(slot.kind), Quoted(slot.name),
                                     checked.error().message));
  return {};
}

Result<void> CheckParameters(const Model& model) {
  const auto is_penalty = [](double value) { return std::isfinite(value) && value >= 0; };
  for (const Slot& slot : model.slots) {
    if (!is_penalty(slot.l1) || !is_penalty(slot.l2) || !is_penalty(slot.weight_decay.value_or(0)))
      return At(slot.location, Error("l1, l2 and weight_decay of {} must be finite and at least 0",
                                     Quoted(slot.name)));
    const bool has_penalty = slot.l1 > 0 || slot.l2 > 0 || slot.weight_decay;
    if (slot.kind == SlotKind::kParameter) {
      if (slot.trainable && !Info(slot.type.dtype).is_float)
        return At(slot.location,
                  Error("the trainable parameter {} is {}; only floats can be trained",
                        Quoted(slot.name), Info(slot.type.dtype).name));
    } else if (has_penalty) {
      return At(slot.location, Error("{} is not a parameter, so it has no l1, l2 or weight_decay",
                                     Quoted(slot.name)));
    }
  }
  return {};
}

Result<void> CheckNext(const Model& model) {
  if (!Binds(model, "train_step")) return {};
  for (const Slot& slot : model.slots) {
    if (slot.next.empty()) continue;
    const NamedValue* next = model.graph.FindOutput(slot.next);
    if (next == nullptr)
      return At(slot.location, Error("the next value {} of {} is not an output of the graph",
                                     Quoted(slot.next), Quoted(slot.name)));
    if (model.graph.type(next->value) != slot.type)
      return At(slot.location,
                Error("the next value {} of {} is {}, not {}", Quoted(slot.next), Quoted(slot.name),
                      ToString(model.graph.type(next->value)), ToString(slot.type)));
  }
  return {};
}

// ---- V14 and V15: predictions and metrics
// -----------------------------------------------------------

Result<void> CheckPredictions(const Model& model) {
  if (!Binds(model, "predict")) return {};
  for (const Prediction& prediction : model.predictions) {
    const NamedValue* output = model.graph.FindOutput(prediction.name);
    if (output == nullptr)
      return At(prediction.location,
                Error("the predicted {} is not an output of the graph", Quoted(prediction.name)));
    if (prediction.kind == PredictionKind::kValue) continue;
    const TensorType& type = model.graph.type(output->value);
    const std::string named = fmt::format("{} is {}", Quoted(prediction.name), ToString(type));
    if (!Info(type.dtype).is_float)
      return At(prediction.location, Error("{}; a probability is a float", named));
    const int64_t columns = type.rank() == 0 ? 1 : type.shape.back();
    if (prediction.kind == PredictionKind::kProbability && type.rank() > 1 && columns != 1)
      return At(prediction.location,
                Error("{}; a probability of the positive class has one column", named));
    if (prediction.kind == PredictionKind::kProbabilities && columns < 2)
      return At(prediction.location,
                Error("{}; probabilities have one column for each class", named));
  }
  return {};
}

Result<void> CheckMetric(const Model& model, const Metric& metric) {
  const OpDef* op = FindOp(metric.op);
  if (op == nullptr || !op->is_metric()) return Error("{} is not a metric", Quoted(metric.op));
  std::vector<TensorType> operands;
  for (const std::string& name : metric.operands) {
    const NamedValue* value = model.graph.FindOutput(name);
    if (value == nullptr) value = model.graph.FindInput(name);
    if (value == nullptr)
      return Error("its operand {} is neither an output nor an input of the graph", Quoted(name));
    operands.push_back(model.graph.type(value->value));
  }
  Attributes attributes = metric.attributes;
  DESCENT_RETURN_IF_ERROR(InferTypes(*op, operands, attributes));
  return {};
}

Result<void> CheckMetrics(const Model& model) {
  if (!IsSource(model)) return {};
  for (const Metric& metric : model.metrics)
    if (auto checked = CheckMetric(model, metric); !checked)
      return At(metric.location,
                Error("metric {}: {}", Quoted(metric.name), checked.error().message));
  return {};
}

// ---- V16 to V18: updates
// ----------------------------------------------------------------------------

Result<void> CheckLosses(const Model& model) {
  if (!Binds(model, "train_step")) return {};
  for (const Update& update : model.updates) {
    const NamedValue* loss = model.graph.FindOutput(update.loss);
    if (loss == nullptr)
      return At(update.location,
                Error("the loss {} is not an output of the graph", Quoted(update.loss)));
    const TensorType& type = model.graph.type(loss->value);
    if (type.rank() != 0 || !Info(type.dtype).is_float)
      return At(update.location, Error("the loss {} is {}; a loss is a float scalar",
                                       Quoted(update.loss), ToString(type)));
  }
  return {};
}

Result<void> CheckPatterns(const Model& model) {
  if (!IsSource(model)) return {};
  for (const Update& update : model.updates) {
    const bool any = std::ranges::any_of(model.slots, [&](const Slot& slot) {
      return slot.kind == SlotKind::kParameter && slot.trainable &&
             MatchesPattern(update.parameters, slot.name);
    });
    if (!any)
      return At(update.location,
                Error("no trainable parameter matches {}, so there is nothing to train",
                      Quoted(update.parameters)));
  }
  return {};
}

Result<void> CheckHyperparameters(const Attributes& attributes) {
  for (const auto& [name, value] : attributes) {
    DESCENT_RETURN_IF_ERROR(CheckName("a hyperparameter", name));
    const AttributeKind kind = KindOf(value);
    if (kind != AttributeKind::kBool && kind != AttributeKind::kFloat &&
        kind != AttributeKind::kFloats && kind != AttributeKind::kString)
      return Error("hyperparameter {} is {}; it is a float, a bool, a word or a list of floats",
                   Quoted(name), ToString(kind));
    if (const auto* word = std::get_if<std::string>(&value))
      DESCENT_RETURN_IF_ERROR(CheckName("the value of a hyperparameter", *word));
  }
  return {};
}

Result<void> CheckUpdateValues(const Model& model) {
  for (const Update& update : model.updates) {
    if (update.every < 1)
      return At(update.location,
                Error("an update is done every {} steps; it must be at least 1", update.every));
    for (const std::optional<double>& bound : {update.clip_value, update.clip_norm})
      if (bound && (!std::isfinite(*bound) || *bound <= 0))
        return At(update.location,
                  Error("a clipping bound must be finite and above 0, not {}", *bound));
    DESCENT_RETURN_IF_ERROR(CheckHyperparameters(update.hyperparameters));
    DESCENT_RETURN_IF_ERROR(CheckHyperparameters(update.schedule_parameters));
  }
  return {};
}

// ---- V19 and V20: entry points and outputs
// ----------------------------------------------------------

Result<void> CheckEntry(const Model& model) {
  if (!IsSource(model) && std::ranges::find(kEntries, model.entry) == kEntries.end())
    return Error("unknown entry point {}; they are {}", Quoted(model.entry),
                 fmt::join(kEntries, ", "));
  if (IsSource(model) && !model.gradients.empty())
    return Error("a source model has no gradients; they belong to the entry point train_step");
  return {};
}

Result<void> CheckOutputs(const Model& model) {
  if (IsSource(model) && model.graph.outputs().empty())
    return Error("the model has no output: it neither trains nor predicts nor computes anything");
  return {};
}

struct Invariant {
  int number;
  Result<void> (*check)(const Model&);
};

/// In the order of docs/ir.md; a check may rely on those before it.
constexpr Invariant kInvariants[] = {
    {1, CheckVersion},   {2, CheckText},           {3, CheckUnique},        {4, CheckClaims},
    {5, CheckOrder},     {6, CheckBodies},         {7, CheckNodeTypes},     {8, CheckNodeExprs},
    {9, CheckBatch},     {10, CheckNormalization}, {11, CheckInitializers}, {12, CheckParameters},
    {13, CheckNext},     {14, CheckPredictions},   {15, CheckMetrics},      {16, CheckLosses},
    {17, CheckPatterns}, {18, CheckUpdateValues},  {19, CheckEntry},        {20, CheckOutputs},
};

}  // namespace

Result<void> VerifyNode(const Node& node, std::span<const TensorType> operands) {
  if (auto types = CheckTypes(node, operands); !types)
    return Error("V7: {}", types.error().message);
  if (auto expr = CheckExpr(node, operands); !expr) return Error("V8: {}", expr.error().message);
  return {};
}

Result<void> Verify(const Model& model) {
  for (const Invariant& invariant : kInvariants) {
    auto checked = invariant.check(model);
    if (checked) continue;
    Diagnostic diagnostic = std::move(checked).error();
    diagnostic.message = fmt::format("V{}: {}", invariant.number, diagnostic.message);
    return std::unexpected(std::move(diagnostic));
  }
  return {};
}

}  // namespace descent
