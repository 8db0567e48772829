#include "compiler/graph/append_optimizer.h"

#include <algorithm>
#include <map>

#include "compiler/graph/differentiate.h"
#include "compiler/graph/optimizers.h"
#include "compiler/graph/schedules.h"
#include "compiler/graph/specialize.h"
#include "compiler/graph/transcribe.h"

namespace descent {
namespace {

/// Updates of 16-bit parameters are computed in f32 and rounded once, at the end.
struct Trained {
  const Slot* slot;
  Expr value;
  Expr gradient;
};

void AddPenalties(std::vector<Trained>& trained) {
  for (Trained& t : trained) {
    if (t.slot->l2 != 0) t.gradient = t.gradient + t.value * (2 * t.slot->l2);
    if (t.slot->l1 != 0) t.gradient = t.gradient + Sign(t.value) * t.slot->l1;
  }
}

void ClipByValue(std::vector<Trained>& trained, double limit) {
  for (Trained& t : trained) t.gradient = Minimum(Maximum(t.gradient, -limit), limit);
}

void ClipByNorm(std::vector<Trained>& trained, double limit) {
  std::optional<Expr> squares;
  for (const Trained& t : trained) {
    const Expr sum = Sum(Square(CastTo(t.gradient, DType::kF64)));
    squares = squares ? *squares + sum : sum;
  }
  const Expr factor = Minimum(squares->Like(limit) / (Sqrt(*squares) + 1e-6), 1.0);
  for (Trained& t : trained) t.gradient = t.gradient * CastTo(factor, t.gradient.dtype());
}

/// Scalars that all parameters of an update share; f64 unless said otherwise.
struct StepScalars {
  Expr rate;
  Expr count;               ///< number of this update, from 1
  std::optional<Expr> due;  ///< bool; absent: always
};

Result<StepScalars> MakeScalars(const Model& model, const Update& update, GraphBuilder& b) {
  const Expr step(b, b.Add("cast", {b.Add("step", {})}, {{"to", DType::kF64}}));
  Expr rate(b, b.Add("learning_rate", {}));
  const double own = HyperparametersOf(update).Float("learning_rate");
  const double base = HyperparametersOf(model.updates[0]).Float("learning_rate");
  if (own != base) {
    if (base == 0)
      return Error("the first update's learning_rate is 0, so the others' can't be in proportion");
    rate = rate * (own / base);
  }
  const Attributes schedule = ScheduleParametersOf(update);
  rate = rate * ScheduleFactor(update.schedule, schedule, step);
  if (update.every == 1) return StepScalars{rate, step + 1.0, std::nullopt};
  const auto every = static_cast<double>(update.every);
  const Expr done = Floor(step / every);
  return StepScalars{rate, done + 1.0, Equal(done * every, step)};
}

/// Slots that `update` keeps, by parameter, in the order of the optimizer's table.
std::map<std::string, std::vector<Slot>> SlotsOf(const Model& model, size_t update) {
  std::map<std::string, std::vector<Slot>> slots;
  for (OptimizerSlot& entry : OptimizerSlotsByUpdate(model))
    if (entry.update == update) slots[entry.parameter].push_back(std::move(entry.slot));
  return slots;
}

class Appender {
 public:
  Appender(const Model& model, size_t number)
      : source_(model),
        number_(number),
        update_(model.updates[number]),
        result_(model),
        map_(CopyInputs(model.graph, b_)) {
    for (const NamedValue& output : model.graph.outputs()) outputs_.push_back(output);
    std::erase_if(outputs_, [&](const NamedValue& output) {
      return std::ranges::find(model.gradients, output.name) != model.gradients.end() ||
             (number > 0 && output.name == update_.loss);
    });
  }

  Result<Model> Append() {
    const auto copy = [](GraphBuilder&, const Node&,
                         std::span<const Value>) -> Result<std::optional<std::vector<Value>>> {
      return std::nullopt;
    };
    DESCENT_RETURN_IF_ERROR(Transcribe(source_.graph, OutputValues(source_.graph), copy, map_, b_));
    for (NamedValue& output : outputs_) output.value = map_.At(output.value);

    b_.SetOrigin(update_.optimizer, Section::kUpdate);
    DESCENT_TRY(scalars, MakeScalars(source_, update_, b_));
    std::vector<Trained> trained = CollectTrained();
    AddPenalties(trained);
    if (update_.clip_value) ClipByValue(trained, *update_.clip_value);
    if (update_.clip_norm) ClipByNorm(trained, *update_.clip_norm);
    auto slots = SlotsOf(source_, number_);
    for (const Trained& t : trained) UpdateParameter(t, slots[t.slot->name], scalars);
    AddSlots();
    Finish();
    return std::move(result_);
  }

 private:
  std::vector<Trained> CollectTrained() {
    std::vector<Trained> trained;
    for (const Slot* slot : ParametersOf(source_, update_)) {
      const NamedValue* gradient = source_.graph.FindOutput(GradientName(slot->name));
      if (gradient == nullptr) continue;
      const DType dtype = ArithmeticType(slot->type.dtype);
      const Expr value(b_, map_.At(CurrentValue(source_.graph, slot->name)));
      trained.push_back(
          {slot, CastTo(value, dtype), CastTo({b_, map_.At(gradient->value)}, dtype)});
    }
    return trained;
  }

  void UpdateParameter(const Trained& t, const std::vector<Slot>& slots,
                       const StepScalars& scalars) {
    b_.SetOrigin(t.slot->name, Section::kUpdate);
    const Attributes hyperparameters = HyperparametersOf(update_);
    std::vector<Expr> state;
    for (const Slot& slot : slots) state.emplace_back(b_, b_.Input(slot.name, slot.type));
    UpdateContext context{t.value, t.gradient, state, scalars.rate, scalars.count, hyperparameters};
    const Attribute* own = hyperparameters.Find("weight_decay");
    const double decay =
        t.slot->weight_decay.value_or(own != nullptr ? std::get<double>(*own) : 0.0);
    if (decay != 0) context.parameter = t.value * context.Rounded(1.0 - scalars.rate * decay);
    const std::vector<Expr> updated = FindOptimizer(update_.optimizer)->update(context);
    SetNext(*t.slot, t.value, updated[0], scalars);
    for (size_t i = 0; i < slots.size(); ++i) {
      next_slots_.push_back(slots[i]);
      next_slots_.back().next = NextName(slots[i].name);
      SetNext(slots[i], state[i], updated[i + 1], scalars);
    }
  }

  /// Replaces or appends the output "next.<slot>".
  void SetNext(const Slot& slot, Expr old_value, Expr new_value, const StepScalars& scalars) {
    const Expr chosen = scalars.due ? Where(*scalars.due, new_value, old_value) : new_value;
    const Value next = CastTo(chosen, slot.type.dtype);
    const std::string name = NextName(slot.name);
    const auto place = std::ranges::find(outputs_, name, &NamedValue::name);
    if (place != outputs_.end())
      place->value = next;
    else
      outputs_.push_back({name, next});
  }

  /// New slots stand in the order of StateSlots, those without a gradient (which keep their value)
  /// too.
  void AddSlots() {
    for (Slot& slot : result_.slots)
      if (FindOutput(NextName(slot.name))) slot.next = NextName(slot.name);
    for (const OptimizerSlot& entry : OptimizerSlotsByUpdate(source_)) {
      if (entry.update != number_) continue;
      const auto next = std::ranges::find(next_slots_, entry.slot.name, &Slot::name);
      result_.slots.push_back(next != next_slots_.end() ? *next : entry.slot);
    }
  }

  bool FindOutput(const std::string& name) const {
    return std::ranges::find(outputs_, name, &NamedValue::name) != outputs_.end();
  }

  void Finish() {
    result_.gradients.clear();
    result_.expanded = false;  // so may updates be
    result_.updates[number_].loss = result_.updates[0].loss;
    if (number_ + 1 == result_.updates.size()) {
      b_.SetOrigin("step", Section::kUpdate);
      const Expr step(b_, b_.Add("step", {}));
      outputs_.push_back({"next.step", step + step.Like(1)});
    }
    for (const NamedValue& output : outputs_) b_.Output(output.name, output.value);
    result_.graph = std::move(b_).Build();
  }

  const Model& source_;
  const size_t number_;
  const Update& update_;
  Model result_;
  GraphBuilder b_;
  ValueMap map_;
  std::vector<NamedValue> outputs_;  ///< values of the builder, once Append has begun
  std::vector<Slot> next_slots_;
};

}  // namespace

Result<Model> AppendOptimizer(Model model, const PassOptions&) {
  if (model.entry.empty())
    return Error("append_optimizer takes a model that was specialized to train_step");
  const std::optional<size_t> number = PendingUpdate(model);
  if (!number) return model;
  if (model.gradients.empty()) return Error("append_optimizer takes a differentiated model");
  DESCENT_RETURN_IF_ERROR(CheckUpdate(model.updates[*number]));
  return Appender(model, *number).Append();
}

}  // namespace descent
