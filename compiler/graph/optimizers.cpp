#include "compiler/graph/optimizers.h"

#include <algorithm>
#include <set>

#include "compiler/graph/schedules.h"
#include "ir/suggest.h"

namespace descent {
namespace {

HyperparameterSpec Rate(double default_value) {
  return {.name = "learning_rate",
          .default_value = default_value,
          .doc = "base rate; the schedule multiplies it"};
}

HyperparameterSpec Fraction(std::string_view name, double default_value, std::string_view doc) {
  return {.name = name, .default_value = default_value, .maximum = 1, .doc = doc};
}

/// Of a mean whose start at 0 is made up for by dividing by 1 - decay^t.
HyperparameterSpec Decay(std::string_view name, double default_value, std::string_view doc) {
  HyperparameterSpec spec = Fraction(name, default_value, doc);
  spec.below_maximum = true;
  return spec;
}

HyperparameterSpec NonNegative(std::string_view name, double default_value, std::string_view doc) {
  return {.name = name, .default_value = default_value, .doc = doc};
}

const HyperparameterSpec kEpsilon = NonNegative("epsilon", 1e-8, "added to the denominator");

std::vector<Expr> Sgd(const UpdateContext& c) {
  return {c.parameter - c.Rounded(c.rate) * c.gradient};
}

std::vector<Expr> Momentum(const UpdateContext& c) {
  const Expr velocity = c.state[0] * c.Get("momentum") + c.gradient;
  return {c.parameter - c.Rounded(c.rate) * velocity, velocity};
}

std::vector<Expr> Nesterov(const UpdateContext& c) {
  const Expr velocity = c.state[0] * c.Get("momentum") + c.gradient;
  const Expr ahead = c.gradient + velocity * c.Get("momentum");
  return {c.parameter - c.Rounded(c.rate) * ahead, velocity};
}

std::vector<Expr> Adam(const UpdateContext& c) {
  const double beta1 = c.Get("beta1"), beta2 = c.Get("beta2");
  const Expr m = c.state[0] * beta1 + c.gradient * (1 - beta1);
  const Expr v = c.state[1] * beta2 + Square(c.gradient) * (1 - beta2);
  const Expr step_size = c.rate / (1.0 - Pow(c.count.Like(beta1), c.count));
  const Expr inverse_root = 1.0 / Sqrt(1.0 - Pow(c.count.Like(beta2), c.count));
  const Expr denominator = Sqrt(v) * c.Rounded(inverse_root) + c.Get("epsilon");
  return {c.parameter - c.Rounded(step_size) * m / denominator, m, v};
}

std::vector<Expr> RmsProp(const UpdateContext& c) {
  const double alpha = c.Get("alpha");
  const Expr v = c.state[0] * alpha + Square(c.gradient) * (1 - alpha);
  const Expr scaled = c.gradient / (Sqrt(v) + c.Get("epsilon"));
  if (c.Get("momentum") == 0) return {c.parameter - c.Rounded(c.rate) * scaled, v};
  const Expr velocity = c.state[1] * c.Get("momentum") + scaled;
  return {c.parameter - c.Rounded(c.rate) * velocity, v, velocity};
}

std::vector<Expr> Adagrad(const UpdateContext& c) {
  const Expr sum = c.state[0] + Square(c.gradient);
  const Expr rate = c.rate / (1.0 + (c.count - 1.0) * c.Get("learning_rate_decay"));
  return {c.parameter - c.Rounded(rate) * c.gradient / (Sqrt(sum) + c.Get("epsilon")), sum};
}

constexpr std::string_view kAdamEquations =
    "m' = beta1 m + (1 - beta1) g,  v' = beta2 v + (1 - beta2) g^2\n"
    "p' = p - rate / (1 - beta1^t) m' / (sqrt(v') / sqrt(1 - beta2^t) + epsilon),  t from 1\n"
    "Kingma and Ba 2015; torch.optim.Adam";

std::vector<HyperparameterSpec> AdamHyperparameters() {
  return {Rate(1e-3), Decay("beta1", 0.9, "decay of the first moment"),
          Decay("beta2", 0.999, "decay of the second moment"), kEpsilon};
}

std::vector<HyperparameterSpec> AdamWHyperparameters() {
  auto specs = AdamHyperparameters();
  specs.push_back(NonNegative("weight_decay", 0.01, "decoupled: p is first scaled by 1 - rate wd"));
  return specs;
}

}  // namespace

Expr UpdateContext::Rounded(Expr scalar) const { return CastTo(scalar, parameter.dtype()); }

std::span<const Optimizer> Optimizers() {
  static const std::vector<Optimizer> kOptimizers = {
      {.name = "sgd",
       .doc = "p' = p - rate g\ntorch.optim.SGD",
       .hyperparameters = {Rate(1e-3)},
       .state = {},
       .update = Sgd},
      {.name = "momentum",
       .doc = "velocity' = momentum velocity + g,  p' = p - rate velocity'\n"
              "torch.optim.SGD(momentum=0.9)",
       .hyperparameters = {Rate(1e-3), Fraction("momentum", 0.9, "decay of the velocity")},
       .state = {{"velocity"}},
       .update = Momentum},
      {.name = "nesterov",
       .doc = "velocity' = momentum velocity + g,  p' = p - rate (g + momentum velocity')\n"
              "torch.optim.SGD(momentum=0.9, nesterov=True)",
       .hyperparameters = {Rate(1e-3), Fraction("momentum", 0.9, "decay of the velocity")},
       .state = {{"velocity"}},
       .update = Nesterov},
      {.name = "adam",
       .doc = kAdamEquations,
       .hyperparameters = AdamHyperparameters(),
       .state = {{"m"}, {"v"}},
       .update = Adam},
      {.name = "adamw",
       .doc = "adam after p is scaled by 1 - rate weight_decay\n"
              "Loshchilov and Hutter 2019; torch.optim.AdamW",
       .hyperparameters = AdamWHyperparameters(),
       .state = {{"m"}, {"v"}},
       .update = Adam},
      {.name = "rmsprop",
       .doc = "v' = alpha v + (1 - alpha) g^2,  d = g / (sqrt(v') + epsilon)\n"
              "p' = p - rate d, or with momentum velocity' = momentum velocity + d, p' = p - rate "
              "velocity'\ntorch.optim.RMSprop",
       .hyperparameters = {Rate(1e-2), Fraction("alpha", 0.99, "decay of the squares"), kEpsilon,
                           Fraction("momentum", 0, "decay of the velocity; 0: none is kept")},
       .state = {{"v"}, {.suffix = "velocity", .needs = "momentum"}},
       .update = RmsProp},
      {.name = "adagrad",
       .doc = "sum' = sum + g^2\n"
              "p' = p - rate / (1 + (t - 1) learning_rate_decay) g / (sqrt(sum') + epsilon)\n"
              "Duchi, Hazan and Singer 2011; torch.optim.Adagrad",
       .hyperparameters = {Rate(1e-2), NonNegative("learning_rate_decay", 0, "decay of the rate"),
                           NonNegative("initial_sum", 0, "first value of the sums"),
                           NonNegative("epsilon", 1e-10, "added to the denominator")},
       .state = {{.suffix = "sum", .initial = "initial_sum"}},
       .update = Adagrad},
  };
  return kOptimizers;
}

const Optimizer* FindOptimizer(std::string_view name) {
  const auto optimizers = Optimizers();
  const auto place = std::ranges::find(optimizers, name, &Optimizer::name);
  return place == optimizers.end() ? nullptr : &*place;
}

namespace {

Result<void> CheckRules(const Update& update) {
  const Optimizer* optimizer = FindOptimizer(update.optimizer);
  if (optimizer == nullptr) {
    auto error = Error("no optimizer {}", Quoted(update.optimizer));
    std::vector<std::string_view> names;
    for (const Optimizer& known : Optimizers()) names.push_back(known.name);
    error.error().hint = SuggestionAmong(update.optimizer, names, "there are");
    return error;
  }
  DESCENT_TRY(hyperparameters, Complete(fmt::format("optimizer {}", update.optimizer),
                                        optimizer->hyperparameters, update.hyperparameters));
  DESCENT_TRY(schedule, CompleteSchedule(update.schedule, update.schedule_parameters));
  if (update.every < 1) return Error("every must be at least 1, not {}", update.every);
  if (update.clip_value && !(*update.clip_value > 0))
    return Error("clip_value must be above 0, not {}", *update.clip_value);
  if (update.clip_norm && !(*update.clip_norm > 0))
    return Error("clip_norm must be above 0, not {}", *update.clip_norm);
  return {};
}

}  // namespace

Result<void> CheckUpdate(const Update& update) {
  auto checked = CheckRules(update);
  if (!checked) checked.error().location = update.location;
  return checked;
}

Attributes HyperparametersOf(const Update& update) {
  const Optimizer* optimizer = FindOptimizer(update.optimizer);
  DESCENT_CHECK(optimizer != nullptr, "the update was checked");
  auto complete = Complete("", optimizer->hyperparameters, update.hyperparameters);
  DESCENT_CHECK(complete.has_value(), "the update was checked");
  return *std::move(complete);
}

Attributes ScheduleParametersOf(const Update& update) {
  auto complete = CompleteSchedule(update.schedule, update.schedule_parameters);
  DESCENT_CHECK(complete.has_value(), "the update was checked");
  return *std::move(complete);
}

std::vector<const Slot*> ParametersOf(const Model& model, const Update& update) {
  std::vector<const Slot*> parameters;
  for (const Slot& slot : model.slots)
    if (slot.kind == SlotKind::kParameter && slot.trainable &&
        MatchesPattern(update.parameters, slot.name))
      parameters.push_back(&slot);
  return parameters;
}

std::vector<OptimizerSlot> OptimizerSlotsByUpdate(const Model& model) {
  std::vector<OptimizerSlot> slots;
  std::set<std::string> used;
  for (size_t number = 0; number < model.updates.size(); ++number) {
    const Update& update = model.updates[number];
    const Optimizer* optimizer = FindOptimizer(update.optimizer);
    if (optimizer == nullptr) continue;
    const Attributes hyperparameters = HyperparametersOf(update);
    for (const Slot* parameter : ParametersOf(model, update)) {
      for (const OptimizerState& state : optimizer->state) {
        if (!state.needs.empty() && hyperparameters.Float(state.needs) == 0) continue;
        std::string name = fmt::format("{}.{}", parameter->name, state.suffix);
        if (!used.insert(name).second) name += fmt::format(".{}", number);
        used.insert(name);
        Slot slot{.name = name, .type = parameter->type, .kind = SlotKind::kOptimizer};
        slot.type.dtype = ArithmeticType(slot.type.dtype);
        const double first = state.initial.empty() ? 0 : hyperparameters.Float(state.initial);
        slot.initializer.op = first == 0 ? "zeros" : "constant_fill";
        if (first != 0) slot.initializer.attributes.Set("value", first);
        slots.push_back({number, parameter->name, std::move(slot)});
      }
    }
  }
  return slots;
}

std::vector<Slot> OptimizerSlots(const Model& model) {
  std::vector<Slot> slots;
  for (OptimizerSlot& entry : OptimizerSlotsByUpdate(model)) slots.push_back(std::move(entry.slot));
  return slots;
}

}  // namespace descent
