#include "frontends/cpp/model_builder.h"

#include <algorithm>

#include "compiler/graph/optimizers.h"
#include "ir/op_def.h"

namespace descent::nn {
namespace {

std::string Joined(const std::string& path, const std::string& name) {
  return path.empty() || name.empty() ? path + name : path + "." + name;
}

const NamedValue* FindValue(const std::vector<NamedValue>& values, Value value) {
  const auto place = std::ranges::find(values, value, &NamedValue::value);
  return place == values.end() ? nullptr : &*place;
}

}  // namespace

InputOptions Pixels() { return {.normalization = Normalization::kScale, .scale = 1.0 / 255}; }

ModelBuilder::ModelBuilder(std::string name, int64_t batch) {
  model_.name = std::move(name);
  model_.batch = batch;
  if (batch < 1) Fail(fmt::format("a batch has at least 1 row, not {}", batch));
}

// ---- what the model is ------------------------------------------------------------------------

Variable ModelBuilder::Input(std::string name, Shape shape, const InputOptions& options) {
  shape.insert(shape.begin(), model_.batch);
  const TensorType type = {options.dtype, std::move(shape)};
  model_.inputs.push_back({.name = name,
                           .type = type,
                           .batch_axis = 0,
                           .column = options.column,
                           .normalization = options.normalization,
                           .scale = options.scale});
  const Value value = AddInput(name, type);
  inputs_.push_back({std::move(name), value});
  return {*this, value};
}

Variable ModelBuilder::Label(Shape shape, DType dtype) {
  return Input("label", std::move(shape), {.dtype = dtype, .column = "label"});
}

Layer ModelBuilder::Add(const std::string& name, const Layer& layer) {
  for (const NamedParameter& each : layer.parameters())
    AddParameter(Joined(name, each.name), each.parameter);
  NamePaths(layer, name);
  return layer;
}

void ModelBuilder::AddParameter(const std::string& name, const Parameter& parameter) {
  if (parameters_.contains(parameter.identity())) return;  // shared with a layer added before
  if (!parameter.missing().empty())
    return Fail(fmt::format("{}: there is no parameter {} to share", Quoted(name),
                            Quoted(parameter.missing())));
  if (model_.FindSlot(name) != nullptr)
    return Fail(
        fmt::format("two parameters are called {}: add their layers under names of their "
                    "own",
                    Quoted(name)));
  const TensorType type = {DType::kF32, parameter.shape()};
  Slot slot = {
      .name = name, .type = type, .kind = parameter.kind(), .initializer = parameter.initializer()};
  if (slot.kind == SlotKind::kParameter) slot.trainable = parameter.is_trainable();
  const Value value = AddInput(name, type);
  parameters_[parameter.identity()] = {model_.slots.size(), value, value};
  model_.slots.push_back(std::move(slot));
}

void ModelBuilder::NamePaths(const Layer& layer, const std::string& path) {
  if (layer.identity() != nullptr) paths_.emplace(layer.identity(), path);
  for (const Member& member : layer.members())
    if (const auto* child = std::get_if<Layer>(&member.what))
      NamePaths(*child, Joined(path, member.name));
}

Value ModelBuilder::AddInput(const std::string& name, TensorType type) {
  if (CheckedElements(type.shape)) return graph_.Input(name, std::move(type));
  Fail(fmt::format("{}: {} is too large, at most {} elements", Quoted(name), ToString(type),
                   kMaxElements));
  return {};
}

// ---- what is done with it ---------------------------------------------------------------------

void ModelBuilder::AddOutput(const std::string& name, Value value) {
  const auto place = std::ranges::find(outputs_, name, &NamedValue::name);
  if (place != outputs_.end() && place->value != value)
    return Fail(fmt::format("two outputs are called {}", Quoted(name)));
  if (place == outputs_.end()) outputs_.push_back({name, value});
}

void ModelBuilder::Predict(const std::string& name, const Variable& value, PredictionKind kind) {
  AddOutput(name, value.value());
  model_.predictions.push_back({.name = name, .kind = kind});
}

std::string ModelBuilder::OperandName(const Variable& value, const std::string& name) {
  for (const auto* known : {&inputs_, &outputs_})
    if (const NamedValue* named = FindValue(*known, value.value())) return named->name;
  AddOutput(name, value.value());
  return name;
}

void ModelBuilder::Measure(const std::string& name, const std::string& op,
                           const std::vector<Variable>& operands) {
  Metric metric = {.name = name, .op = op};
  for (size_t i = 0; i < operands.size(); ++i)
    metric.operands.push_back(OperandName(operands[i], fmt::format("{}.{}", name, i)));
  model_.metrics.push_back(std::move(metric));
}

void ModelBuilder::Classify(const Variable& logits, const Variable& label) {
  AddOutput("logits", logits.value());
  Predict("probabilities", Softmax(logits), PredictionKind::kProbabilities);
  Measure("accuracy", "accuracy", {logits, label});
}

void ModelBuilder::Train(const Variable& loss, const Optimizer& optimizer,
                         const std::string& parameters) {
  const std::string name =
      model_.updates.empty() ? "loss" : fmt::format("loss{}", model_.updates.size() + 1);
  AddOutput(name, loss.value());
  Update update = {.loss = name,
                   .parameters = parameters,
                   .optimizer = optimizer.name,
                   .hyperparameters = optimizer.hyperparameters,
                   .schedule = optimizer.schedule,
                   .schedule_parameters = optimizer.schedule_parameters,
                   .clip_value = optimizer.clip_value,
                   .clip_norm = optimizer.clip_norm};
  if (const auto good = CheckUpdate(update); !good) return Fail(good.error().message);
  for (Slot& slot : model_.slots)
    if (slot.kind == SlotKind::kParameter && slot.trainable && optimizer.l2 != 0 &&
        MatchesPattern(parameters, slot.name))
      slot.l2 = optimizer.l2;
  model_.updates.push_back(std::move(update));
}

void ModelBuilder::SortOutputs() {
  std::vector<std::string> order;
  for (const Prediction& prediction : model_.predictions) order.push_back(prediction.name);
  for (const Metric& metric : model_.metrics)
    order.insert(order.end(), metric.operands.begin(), metric.operands.end());
  for (const Update& update : model_.updates) order.push_back(update.loss);
  for (const Slot& slot : model_.slots) order.push_back(slot.next);
  std::ranges::stable_sort(outputs_, {}, [&](const NamedValue& output) {
    const auto place = std::ranges::find(order, output.name);
    return place == order.end() ? -1 : place - order.begin();
  });
}

Result<Model> ModelBuilder::Build() && {
  for (const Parameter& statistic : replaced_) {
    const Place& place = parameters_.at(statistic.identity());
    Slot& slot = model_.slots[place.slot];
    slot.next = slot.name + ".next";
    AddOutput(slot.next, place.now);
  }
  if (error_) return std::unexpected(*std::move(error_));
  SortOutputs();
  for (const NamedValue& output : outputs_) {
    graph_.SetName(output.value, output.name);
    graph_.Output(output.name, output.value);
  }
  for (auto& [value, path] : labels_) graph_.SetName(value, std::move(path));
  model_.graph = std::move(graph_).Build();
  DESCENT_RETURN_IF_ERROR(Verify(model_));
  return std::move(model_);
}

// ---- for layers -------------------------------------------------------------------------------

std::vector<Variable> ModelBuilder::Apply(std::string_view op,
                                          const std::vector<Variable>& operands,
                                          Attributes attributes) {
  const OpDef* definition = FindOp(op);
  const size_t results = definition == nullptr ? 1 : definition->signature.results.size();
  const std::vector<Variable> nothing(results, Variable(*this, {}));
  std::vector<Value> values;
  for (const Variable& operand : operands) {
    if (&operand.model() != this) Fail(fmt::format("{}: an operand is of another model", op));
    if (!operand.valid() || &operand.model() != this) return nothing;
    values.push_back(operand.value());
  }
  auto added = graph_.TryAdd(op, std::move(values), std::move(attributes));
  if (!added) {
    Fail(std::move(added).error().message);
    return nothing;
  }
  std::vector<Variable> given;
  for (const Value value : *added) given.emplace_back(*this, value);
  return given;
}

Variable ModelBuilder::Read(const Parameter& parameter) {
  const auto place = parameters_.find(parameter.identity());
  if (place != parameters_.end()) return {*this, place->second.now};
  Fail(parameter.missing().empty()
           ? "reads a parameter that is not the model's: add the layer, and list its members"
           : fmt::format("there is no parameter {}", Quoted(parameter.missing())));
  return {*this, {}};
}

void ModelBuilder::Replace(const Parameter& statistic, const Variable& next) {
  const auto place = parameters_.find(statistic.identity());
  if (place == parameters_.end() || !next.valid()) return;  // reported where it was read
  if (place->second.now == place->second.first) replaced_.push_back(statistic);
  place->second.now = next.value();
}

Variable ModelBuilder::Scalar(DType dtype, double number) {
  return {*this, graph_.Constant(Tensor::Scalar(dtype, number))};
}

void ModelBuilder::Fail(std::string message) {
  if (!error_) error_ = Diagnostic{.message = Whereabouts() + std::move(message)};
}

std::string ModelBuilder::Whereabouts() const {
  if (active_.empty()) return "";
  const auto path = paths_.find(active_.back().identity());
  const std::string name = path == paths_.end() ? "" : path->second;
  return name.empty() ? fmt::format("in {}: ", active_.back().kind())
                      : fmt::format("in {} ({}): ", Quoted(name), active_.back().kind());
}

void ModelBuilder::Enter(const Layer& layer) { active_.push_back(layer); }

void ModelBuilder::Leave(const Variable& result) {
  const auto path = paths_.find(active_.back().identity());
  if (result.valid() && path != paths_.end() && !path->second.empty())
    labels_.emplace_back(result.value(), path->second);
  active_.pop_back();
}

Shape ModelBuilder::ShapeOf(Value value) const {
  return value.valid() ? graph_.shape(value) : Shape{};
}
DType ModelBuilder::DTypeOf(Value value) const {
  return value.valid() ? graph_.dtype(value) : DType::kF32;
}

}  // namespace descent::nn
