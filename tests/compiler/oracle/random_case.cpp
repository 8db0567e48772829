#include "tests/compiler/oracle/random_case.h"

#include <algorithm>
#include <cmath>

#include "compiler/graph/optimizers.h"
#include "compiler/graph/schedules.h"
#include "compiler/graph/specialize.h"
#include "ir/expr.h"
#include "tests/compiler/oracle/random_graph.h"

namespace descent {
namespace {

constexpr int kTrainingSteps = 3;
constexpr size_t kMaxParameters = 3;

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

/// Nodes that the loss depends on through floats alone.
std::vector<bool> Reached(const Graph& graph) {
  std::vector<bool> reached(graph.nodes().size());
  reached[graph.outputs()[0].value.node] = true;
  for (size_t number = reached.size(); number-- > 0;)
    if (reached[number])
      for (const Value operand : graph.nodes()[number].operands)
        if (Info(graph.type(operand).dtype).is_float) reached[operand.node] = true;
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

}  // namespace

Model RunModelOf(Graph graph) {
  Model model{.name = "random", .entry = "run"};
  for (const NamedValue& input : graph.inputs())
    model.inputs.push_back({.name = input.name, .type = graph.type(input.value)});
  model.graph = std::move(graph);
  return model;
}

OracleCase RandomRunCase(uint64_t seed) {
  RandomGraph random = MakeRandomGraph(seed);
  OracleCase one;
  for (size_t i = 0; i < random.inputs.size(); ++i)
    one.values[random.graph.inputs()[i].name] = random.inputs[i];
  one.model = RunModelOf(std::move(random.graph));
  return one;
}

std::optional<OracleCase> RandomTrainingCase(uint64_t seed) {
  GraphGrower grower(seed, {});
  grower.Grow(seed);
  const auto loss = LossOf(grower);
  if (!loss) return std::nullopt;
  GraphBuilder& b = grower.builder();
  b.Output("loss", *loss);
  OracleCase one{.model = {.name = "random"}, .entry = "train_step", .values = {}};
  one.calls = kTrainingSteps;
  one.model.graph = Graph(std::move(b).Build());
  const Graph& graph = one.model.graph;
  const std::vector<bool> reached = Reached(graph);
  for (size_t i = 0; i < grower.inputs().size(); ++i) {
    const std::string& name = graph.inputs()[i].name;
    const Tensor& value = grower.inputs()[i];
    one.values[name] = value;
    if (reached[graph.inputs()[i].value.node] && CanBeParameter(value.dtype()) &&
        one.model.slots.size() < kMaxParameters)
      one.model.slots.push_back(ParameterOf(name, value, grower.random()));
    else
      one.model.inputs.push_back({.name = name, .type = value.type()});
  }
  if (one.model.slots.empty()) return std::nullopt;
  one.model.updates = {RandomUpdate(grower.random())};
  for (const Slot& slot : OptimizerSlots(one.model)) one.values[slot.name] = InitialValue(slot);
  one.values[std::string(kLearningRateSlot)] =
      Tensor::Scalar(DType::kF64, HyperparametersOf(one.model.updates[0]).Float("learning_rate"));
  return one;
}

OracleCase RandomCase(uint64_t seed) {
  if (seed % 4 == 3)
    if (auto training = RandomTrainingCase(seed)) return *std::move(training);
  return RandomRunCase(seed);
}

}  // namespace descent
