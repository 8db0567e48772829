#include "tests/compiler/oracle/random_case.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/graph/optimizers.h"
#include "compiler/graph/pipeline.h"
#include "compiler/graph/schedules.h"
#include "compiler/graph/specialize.h"
#include "ir/expr.h"
#include "tests/compiler/oracle/constant_operands.h"
#include "tests/compiler/oracle/random_graph.h"

namespace descent {
namespace {

constexpr int kTrainingSteps = 3;
constexpr size_t kMaxParameters = 3;
/// Around vector widths, and small ones.
constexpr int64_t kBatches[] = {2, 3, 4, 5, 8, 9, 16, 17};

bool Chance(Random& random, int one_in) { return random() % one_in == 0; }

/// Required numbers and, now and then, others: somewhere in their range.
Attributes RandomHyperparameters(std::span<const HyperparameterSpec> specs, Random& random) {
  Attributes chosen;
  for (const HyperparameterSpec& spec : specs) {
    if (spec.default_value && !Chance(random, 3)) continue;
    const double high = std::min(spec.maximum, spec.whole ? 5.0 : 0.9);
    const double place = 0.25 * static_cast<double>(1 + random() % 3);
    const double value = spec.minimum + (high - spec.minimum) * place;
    chosen.Set(std::string(spec.name), spec.whole ? std::floor(value) + 1 : value);
  }
  return chosen;
}

Update RandomUpdate(Random& random) {
  Update update{.loss = "loss"};
  const Optimizer& optimizer = Optimizers()[random() % Optimizers().size()];
  const Schedule& schedule = Schedules()[random() % Schedules().size()];
  update.optimizer = optimizer.name;
  update.hyperparameters = RandomHyperparameters(optimizer.hyperparameters, random);
  update.schedule = schedule.name;
  update.schedule_parameters = RandomHyperparameters(schedule.hyperparameters, random);
  if (Chance(random, 4)) update.clip_value = 0.5;
  if (Chance(random, 4)) update.clip_norm = 1.5;
  if (Chance(random, 4)) update.every = 2;
  return update;
}

/// The sum of the means of all differentiable results, or of their squares.
std::optional<Value> LossOf(GraphGrower& grower) {
  GraphBuilder& b = grower.builder();
  std::optional<Value> loss;
  for (const Value value : grower.Differentiable()) {
    Expr x(b, value);
    if (Chance(grower.random(), 2)) x = Square(x);
    Value term = b.Add("mean", {x});
    if (b.dtype(term) != DType::kF32) term = b.Add("cast", {term}, {{"to", DType::kF32}});
    loss = loss ? Expr(b, *loss) + Expr(b, term) : Expr(b, term);
  }
  return loss;
}

/// Nodes at which a gradient of the loss arrives.
std::vector<bool> Reached(const Graph& graph) {
  std::vector<bool> reached(graph.nodes().size());
  reached[graph.outputs()[0].value.node] = true;
  for (size_t number = reached.size(); number-- > 0;) {
    const Node& node = graph.nodes()[number];
    if (!reached[number] || node.operands.empty()) continue;
    std::vector<TensorType> types;
    for (const Value operand : node.operands) types.push_back(graph.type(operand));
    const std::vector<bool> constant = ConstantOperands(*node.op, {types, node.attributes});
    for (size_t i = 0; i < types.size(); ++i)
      if (Info(types[i].dtype).is_float && !constant[i]) reached[node.operands[i].node] = true;
  }
  return reached;
}

bool CanBeParameter(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF64; }

/// The first value of a slot that the optimizer keeps.
Tensor InitialValue(const Slot& slot) {
  const Attribute* value = slot.initializer.attributes.Find("value");
  return Tensor::Full(slot.type, value != nullptr ? std::get<double>(*value) : 0);
}

Slot ParameterOf(const std::string& name, const Tensor& value, Random& random) {
  Slot slot{.name = name, .type = value.type()};
  slot.initializer.data = value;
  if (Chance(random, 6)) slot.l1 = 0.01;
  if (Chance(random, 6)) slot.l2 = 0.01;
  if (Chance(random, 6)) slot.weight_decay = 0.1;
  return slot;
}

/// The grown graph as a source model on its inputs' values.
OracleCase CaseOf(GraphGrower& grower, const Batch& batch) {
  OracleCase one{.model = {.name = "random"}, .values = {}};
  one.model.graph = GraphBuilder(grower.builder()).Build();
  for (size_t i = 0; i < grower.inputs().size(); ++i) {
    const std::string& name = one.model.graph.inputs()[i].name;
    one.values[name] = grower.inputs()[i];
    const int axis = grower.input_axes()[i];
    one.model.inputs.push_back(
        {.name = name, .type = grower.inputs()[i].type(), .batch_axis = axis});
    if (axis >= 0) one.model.batch = batch.rows;
  }
  const int64_t valid_rows[] = {batch.valid};
  if (one.model.batch > 0)
    one.values[std::string(kValidRowsName)] = Tensor::FromInts(I64({}), valid_rows);
  return one;
}

/// Makes inputs parameters: floats that the loss depends on and that hold no rows.
void MakeParameters(OracleCase& one, Random& random) {
  const std::vector<bool> reached = Reached(one.model.graph);
  std::erase_if(one.model.inputs, [&](const InputBinding& input) {
    const Value value = one.model.graph.FindInput(input.name)->value;
    if (!reached[value.node] || !CanBeParameter(input.type.dtype) || input.batch_axis >= 0 ||
        one.model.slots.size() == kMaxParameters)
      return false;
    one.model.slots.push_back(ParameterOf(input.name, one.values[input.name], random));
    return true;
  });
}

/// Whether a parameter without gradient is updated, by its decay, depends on whether the form that
/// its reader takes reads it: with padded rows it may be another than without. Such are inputs.
void KeepUpdated(OracleCase& one) {
  const auto padded =
      RunPasses(one.model, StandardPasses(one.model), {.pass = {.entry = one.entry}});
  if (!padded) return;
  std::erase_if(one.model.slots, [&](const Slot& slot) {
    if (padded->graph.FindOutput(NextName(slot.name)) != nullptr) return false;
    one.model.inputs.push_back({.name = slot.name, .type = slot.type});
    return true;
  });
}

/// Padding is NaN, or an integer that is no index. (Floats with all bits set mark what is
/// unwritten.)
void SpoilRows(Tensor& tensor, const InputBinding& input, const Batch& batch) {
  if (input.type.dtype == DType::kBool) return;
  Shape valid = input.type.shape;
  valid[input.batch_axis] = batch.valid;
  std::vector<std::byte> bytes(tensor.bytes().size(), std::byte{0xFF});
  if (Info(tensor.dtype()).is_float)
    for (int64_t i = 0; i < tensor.elements(); ++i)
      StoreDouble(tensor.dtype(), bytes.data(), i, std::numeric_limits<double>::quiet_NaN());
  const int64_t size = tensor.type().bytes() / tensor.elements();
  for (const int64_t place : PlacesInside(tensor.shape(), valid))
    std::ranges::copy(tensor.bytes().subspan(place * size, size), bytes.begin() + place * size);
  tensor = Tensor(tensor.type(), std::move(bytes));
}

/// Something beside the batch has the extent of its rows: where a single row stands for them, it
/// would be broadcast over what was combined with them row by row.
bool WouldBroadcastOneRow(const OracleCase& one, const Batch& batch) {
  const Graph& graph = one.model.graph;
  const auto is_batched = [&](Value value) {
    return std::ranges::any_of(graph.inputs(), [&](const NamedValue& input) {
      const InputBinding* binding = one.model.FindInput(input.name);
      return input.value == value && binding != nullptr && binding->batch_axis >= 0;
    });
  };
  for (int32_t i = 0; i < std::ssize(graph.nodes()); ++i)
    if (graph.nodes()[i].operands.empty() && !is_batched({i, 0}) &&
        std::ranges::count(graph.type({i, 0}).shape, batch.rows) > 0)
      return batch.valid == 1;
  return false;
}

}  // namespace

Model RunModelOf(Graph graph) {
  Model model{.name = "random", .entry = "run"};
  for (const NamedValue& input : graph.inputs())
    model.inputs.push_back({.name = input.name, .type = graph.type(input.value)});
  model.graph = std::move(graph);
  return model;
}

OracleCase RandomRunCase(uint64_t seed) {
  // Gradients of gradients of many operators are large graphs.
  const bool second = seed % 3 == 0;
  RandomGraph random = MakeRandomGraph(seed, {.operators = second ? 3 : 6, .second = second});
  OracleCase one;
  for (size_t i = 0; i < random.inputs.size(); ++i)
    one.values[random.graph.inputs()[i].name] = random.inputs[i];
  one.model = RunModelOf(std::move(random.graph));
  return one;
}

std::optional<OracleCase> RandomTrainingCase(uint64_t seed, const Batch& batch) {
  GraphGrower grower(seed, {.batch = batch});
  grower.Grow();
  const auto loss = LossOf(grower);
  if (!loss) return std::nullopt;
  grower.builder().Output("loss", *loss);
  OracleCase one = CaseOf(grower, batch);
  one.entry = "train_step";
  one.calls = kTrainingSteps;
  one.model.keep_partial_batch = batch.rows > 0;
  MakeParameters(one, grower.random());
  if (one.model.slots.empty()) return std::nullopt;
  one.model.updates = {RandomUpdate(grower.random())};
  for (const Slot& slot : OptimizerSlots(one.model)) one.values[slot.name] = InitialValue(slot);
  one.values[std::string(kLearningRateSlot)] =
      Tensor::Scalar(DType::kF64, HyperparametersOf(one.model.updates[0]).Float("learning_rate"));
  return one;
}

std::optional<OracleCase> RandomPaddedCase(uint64_t seed) {
  Random random(seed);
  Batch batch{.rows = kBatches[random() % std::size(kBatches)]};
  batch.valid = 1 + static_cast<int64_t>(random() % (batch.rows - 1));
  std::optional<OracleCase> one;
  if (Chance(random, 2)) one = RandomTrainingCase(seed, batch);
  if (!one) {
    GraphGrower grower(seed, {.batch = batch});
    grower.Grow();
    for (const Value value : grower.Results())
      grower.builder().Output(fmt::format("y{}_{}", value.node, value.result), value);
    one = CaseOf(grower, batch);
  }
  if (one->model.batch == 0 || WouldBroadcastOneRow(*one, batch)) return std::nullopt;
  if (one->model.has_loss()) KeepUpdated(*one);
  if (one->model.has_loss() && one->model.slots.empty()) return std::nullopt;
  for (const InputBinding& input : one->model.inputs)
    if (input.batch_axis >= 0 && Chance(random, 2))
      SpoilRows(one->values[input.name], input, batch);
  return one;
}

OracleCase RandomCase(uint64_t seed) {
  std::optional<OracleCase> one;
  if (seed % 4 == 1) one = RandomPaddedCase(seed);
  if (seed % 4 == 3) one = RandomTrainingCase(seed);
  return one ? *std::move(one) : RandomRunCase(seed);
}

}  // namespace descent
