#include "compiler/graph/specialize.h"

#include <algorithm>
#include <span>

#include "compiler/graph/entry_initialize.h"
#include "compiler/graph/entry_metrics.h"
#include "compiler/graph/optimizers.h"
#include "compiler/graph/row_mask.h"
#include "compiler/graph/transcribe.h"
#include "ir/batch_axis.h"
#include "ir/expansion.h"

namespace descent {
namespace {

/// What one of the entry points that run the model's graph takes from it.
struct Selection {
  int64_t batch = 0;
  bool training = false;
  bool keeps_partial_batch = true;
  std::vector<NamedValue> outputs;  ///< values of the source graph
  std::vector<Metric> metrics;
};

int64_t PickBatch(std::initializer_list<int64_t> candidates) {
  for (const int64_t batch : candidates)
    if (batch > 0) return batch;
  return 0;
}

TensorType BatchedType(const InputBinding* binding, TensorType type, int64_t batch) {
  if (binding != nullptr && binding->batch_axis != -1) type.shape[binding->batch_axis] = batch;
  return type;
}

Result<Value> ValueNamed(const Graph& graph, const std::string& name) {
  if (const NamedValue* output = graph.FindOutput(name)) return output->value;
  if (const NamedValue* input = graph.FindInput(name)) return input->value;
  return Error("no value {} among the model's outputs and inputs", Quoted(name));
}

Result<std::optional<std::vector<Value>>> InferenceRule(GraphBuilder& b, const Node& node,
                                                        std::span<const Value> operands) {
  if (node.op->inference == nullptr) return std::nullopt;
  std::vector<TensorType> types;
  for (const Value operand : operands) types.push_back(b.type(operand));
  return BuildInArithmeticType(b, *node.op, OpContext{types, node.attributes}, operands,
                               [&](const OpContext& wide, std::span<const Value> values) {
                                 return node.op->inference(b, wide, values);
                               });
}

/// Values of the source that the entry point needs: outputs and operands of metrics.
Result<std::vector<Value>> WantedValues(const Model& model, const Selection& selection) {
  std::vector<Value> wanted;
  for (const NamedValue& output : selection.outputs) wanted.push_back(output.value);
  for (const Metric& metric : selection.metrics)
    for (const std::string& operand : metric.operands) {
      DESCENT_TRY(value, ValueNamed(model.graph, operand));
      wanted.push_back(value);
    }
  return wanted;
}

Result<void> AddMetrics(const Model& model, const Selection& selection, const ValueMap& map,
                        GraphBuilder& b) {
  for (const Metric& metric : selection.metrics) {
    std::vector<Value> operands;
    for (const std::string& operand : metric.operands) {
      DESCENT_TRY(value, ValueNamed(model.graph, operand));
      operands.push_back(map.At(value));
    }
    const std::string name = "metric." + metric.name;
    DESCENT_TRY(
        sums, b.TryAdd(metric.op, std::move(operands), metric.attributes, Label{.names = {name}}));
    b.Output(name, sums[0]);
  }
  return {};
}

/// What has a row for each of the model's batch must have one for each of another: an attribute
/// that repeats the batch size may fit another one, a batch of 1 above all, by broadcasting.
Result<void> CheckRows(const Model& model, const Selection& selection, const ValueMap& map,
                       const GraphBuilder& b) {
  if (selection.batch == model.batch || model.batch == 0) return {};
  const std::vector<RowFlow> flows = FlowOfRows(model.graph, InputBatchAxes(model));
  for (size_t number = 0; number < flows.size(); ++number) {
    const auto node = static_cast<int32_t>(number);
    if (!map.Has(node)) continue;
    for (size_t i = 0; i < flows[number].axes.size(); ++i) {
      const BatchAxis& axis = flows[number].axes[i];
      if (!axis.holds_rows()) continue;
      const Value value{node, static_cast<int32_t>(i)};
      const int64_t rows = axis.Rows(b.shape(map.At(value)));
      if (rows != selection.batch)
        return Error("{} has {} rows", Quoted(model.graph.NameOf(value)), rows);
    }
  }
  return {};
}

/// The model's graph with another batch size, cut down to the selection.
Result<Graph> SelectGraph(const Model& model, const Selection& selection) {
  const Graph& source = model.graph;
  DESCENT_TRY(wanted, WantedValues(model, selection));
  const std::vector<bool> needed = Needed(source, wanted);
  GraphBuilder b;
  ValueMap map(source);
  for (const NamedValue& input : source.inputs()) {
    if (!needed[input.value.node]) continue;
    const TensorType type =
        BatchedType(model.FindInput(input.name), source.type(input.value), selection.batch);
    map.Set(input.value.node, {b.Input(input.name, type, source.node(input.value).label)});
  }
  const NodeRule rule = selection.training ? NodeRule(KeepNode) : NodeRule(InferenceRule);
  DESCENT_RETURN_IF_ERROR(Transcribe(source, wanted, rule, map, b));
  DESCENT_RETURN_IF_ERROR(CheckRows(model, selection, map, b));
  for (const NamedValue& output : selection.outputs) b.Output(output.name, map.At(output.value));
  DESCENT_RETURN_IF_ERROR(AddMetrics(model, selection, map, b));
  return std::move(b).Build();
}

/// Whatever the model says, with the graph cut down to the selection.
Result<Model> Derive(Model model, std::string_view entry, const Selection& selection) {
  auto graph = SelectGraph(model, selection);
  if (!graph) {
    Diagnostic error = graph.error();
    error.message = fmt::format("{}: {}", entry, error.message);
    if (selection.batch != model.batch && error.hint.empty())
      error.hint = fmt::format(
          "the batch is {} here, not {}: attributes must not repeat the batch size (reshape "
          "takes -1, expand_rows and random operators an operand that has the rows)",
          selection.batch, model.batch);
    return std::unexpected(std::move(error));
  }
  model.graph = *std::move(graph);
  model.entry = entry;
  if (model.batch != 0) model.batch = selection.batch;
  model.evaluate_batch = model.predict_batch = 0;
  model.metrics.clear();
  model.predictions.clear();
  model.updates.clear();
  std::erase_if(model.inputs, [&](const InputBinding& input) {
    return model.graph.FindInput(input.name) == nullptr;
  });
  for (InputBinding& input : model.inputs)
    input.type = BatchedType(&input, input.type, selection.batch);
  for (Slot& slot : model.slots)
    slot.next = model.graph.FindOutput(NextName(slot.name)) != nullptr ? NextName(slot.name) : "";
  if (selection.keeps_partial_batch && model.batch > 1) {
    DESCENT_TRY(masked, BindRowMask(model, {.repeat_floats = selection.training}));
    model.graph = std::move(masked);
  }
  return model;
}

Result<Model> TrainStep(Model model, const PassOptions& options) {
  for (const Update& update : model.updates) DESCENT_RETURN_IF_ERROR(CheckUpdate(update));
  Selection selection{.batch = PickBatch({options.batch, model.batch}),
                      .training = true,
                      .keeps_partial_batch = model.keep_partial_batch};
  std::vector<Update> updates = model.updates;
  for (size_t i = 0; i < updates.size(); ++i) {
    DESCENT_TRY(loss, ValueNamed(model.graph, updates[i].loss));
    updates[i].loss = i == 0 ? "loss" : fmt::format("loss.{}", i);
    selection.outputs.push_back({updates[i].loss, loss});
  }
  for (const Slot& slot : model.slots) {
    if (slot.next.empty()) continue;
    DESCENT_TRY(next, ValueNamed(model.graph, slot.next));
    selection.outputs.push_back({NextName(slot.name), next});
  }
  DESCENT_TRY(result, Derive(std::move(model), "train_step", selection));
  result.updates = std::move(updates);
  return result;
}

Result<Model> Evaluate(Model model, const PassOptions& options) {
  Selection selection{.batch = PickBatch({options.evaluate_batch, model.evaluate_batch,
                                          options.batch, model.batch})};
  DESCENT_TRY(loss, ValueNamed(model.graph, model.updates[0].loss));
  selection.outputs.push_back({"loss", loss});
  selection.metrics = ReportedMetrics(model);
  return Derive(std::move(model), "evaluate", selection);
}

Result<Model> Predict(Model model, const PassOptions& options) {
  Selection selection{
      .batch = PickBatch({options.predict_batch, model.predict_batch, options.batch, model.batch})};
  for (const Prediction& prediction : model.predictions) {
    DESCENT_TRY(value, ValueNamed(model.graph, prediction.name));
    selection.outputs.push_back({prediction.name, value});
  }
  std::vector<Prediction> predictions = model.predictions;
  DESCENT_TRY(result, Derive(std::move(model), "predict", selection));
  result.predictions = std::move(predictions);
  return result;
}

Result<Model> Run(Model model, const PassOptions& options) {
  Selection selection{.batch = PickBatch({options.batch, model.batch})};
  for (const NamedValue& output : model.graph.outputs())
    if (model.FindReplaced(output.name) == nullptr) selection.outputs.push_back(output);
  std::vector<Prediction> predictions = model.predictions;
  DESCENT_TRY(result, Derive(std::move(model), "run", selection));
  result.predictions = std::move(predictions);
  return result;
}

struct EntryPoint {
  std::string_view name;
  bool (*exists)(const Model&);
  Result<Model> (*derive)(Model, const PassOptions&);
};

bool HasLoss(const Model& model) { return model.has_loss(); }

constexpr EntryPoint kEntryPoints[] = {
    {"train_step", HasLoss, TrainStep},
    {"evaluate", HasLoss, Evaluate},
    {"predict", [](const Model& m) { return m.has_loss() && !m.predictions.empty(); }, Predict},
    {"metrics", HasLoss, MetricsEntry},
    {"initialize", [](const Model& m) { return m.has_loss() || !m.slots.empty(); },
     InitializeEntry},
    {"run", [](const Model& m) { return !m.has_loss(); }, Run},
};

}  // namespace

Result<Model> Specialize(Model model, const PassOptions& options) {
  if (!model.entry.empty())
    return Error("the model is specialized to {} already; specialize takes a source model",
                 model.entry);
  const auto* entry = std::ranges::find(kEntryPoints, options.entry, &EntryPoint::name);
  if (entry == std::end(kEntryPoints) || !entry->exists(model)) {
    auto error = Error("the model has no entry point {}", Quoted(options.entry));
    error.error().hint = fmt::format("it has {}", fmt::join(EntryPoints(model), ", "));
    return error;
  }
  if (options.batch > 0 && model.batch == 0)
    return Error("no input of the model has a batch axis, so its batch can't be {}", options.batch);
  DESCENT_TRY(result, entry->derive(std::move(model), options));
  const std::vector<int> rows = OutputBatchAxes(result);
  for (size_t i = 0; i < rows.size(); ++i)
    if (rows[i] != kNoBatchAxis) result.output_rows[result.graph.outputs()[i].name] = rows[i];
  result.expanded = false;  // replacements for inference and of padded rows may be composites
  return result;
}

std::vector<std::string> EntryPoints(const Model& model) {
  std::vector<std::string> names;
  for (const EntryPoint& entry : kEntryPoints)
    if (entry.exists(model)) names.emplace_back(entry.name);
  return names;
}

std::vector<Slot> StateSlots(const Model& model) {
  std::vector<Slot> slots = model.slots;
  std::vector<Slot> optimizer = OptimizerSlots(model);
  std::ranges::move(optimizer, std::back_inserter(slots));
  return slots;
}

std::string NextName(const std::string& slot) { return "next." + slot; }

void ForgetBatch(Model& model) {
  model.batch = model.evaluate_batch = model.predict_batch = 0;
  for (InputBinding& input : model.inputs) input.batch_axis = -1;
}

void ForgetBatchOfMixedRows(Model& model) {
  if (model.batch <= 1 || Specialize(model, {.entry = "run"})) return;
  Model without = model;
  ForgetBatch(without);
  if (Specialize(without, {.entry = "run"})) model = std::move(without);
}

void ForgetTask(Model& model) {
  model.batch = model.evaluate_batch = model.predict_batch = 0;
  model.inputs.clear();
  model.predictions.clear();
  model.metrics.clear();
  model.updates.clear();
}

}  // namespace descent
