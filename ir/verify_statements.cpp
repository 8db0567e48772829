// V9 to V18: what the statements of a model say about its graph.
#include <algorithm>
#include <cmath>

#include "ir/invariants.h"
#include "ir/op_def.h"

namespace descent {
// ---- V9 and V10: batch and data -------------------------------------------------------------

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

// ---- V11 to V13: slots ----------------------------------------------------------------------

namespace {

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

}  // namespace

/// A file of parameters lies inside the model's folder.

namespace {

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

}  // namespace

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

// ---- V14 and V15: predictions and metrics ---------------------------------------------------

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

namespace {

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

}  // namespace

Result<void> CheckMetrics(const Model& model) {
  if (!IsSource(model)) return {};
  for (const Metric& metric : model.metrics)
    if (metric.name == "loss" && model.has_loss())
      return At(metric.location,
                Error("a metric is named 'loss', but that is how the loss itself is reported"));
  for (const Metric& metric : model.metrics)
    if (auto checked = CheckMetric(model, metric); !checked)
      return At(metric.location,
                Error("metric {}: {}", Quoted(metric.name), checked.error().message));
  return {};
}

// ---- V16 to V18: updates --------------------------------------------------------------------

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

namespace {

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

}  // namespace

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

}  // namespace descent
