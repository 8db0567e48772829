#include "compiler/graph/differentiate.h"

#include <algorithm>

#include "compiler/graph/optimizers.h"
#include "compiler/graph/specialize.h"
#include "compiler/graph/transcribe.h"
#include "ir/autodiff.h"
#include "ir/op_def.h"

namespace descent {
namespace {

Result<std::optional<std::vector<Value>>> Copy(GraphBuilder&, const Node&, std::span<const Value>) {
  return std::nullopt;
}

/// Marks nodes that `loss` depends on through floats alone: only these have a derivative.
std::vector<bool> ReachedThroughFloats(const Graph& graph, Value loss) {
  std::vector<bool> reached(graph.nodes().size(), false);
  reached[loss.node] = true;
  for (size_t number = reached.size(); number-- > 0;)
    if (reached[number])
      for (const Value operand : graph.nodes()[number].operands)
        if (Info(graph.type(operand).dtype).is_float) reached[operand.node] = true;
  return reached;
}

/// Parameters that the update trains and its loss depends on.
Result<std::vector<std::string>> DifferentiatedParameters(const Model& model,
                                                          const Update& update) {
  const Value losses[] = {model.graph.FindOutput(update.loss)->value};
  const std::vector<bool> needed = Needed(model.graph, losses);
  const std::vector<const Slot*> without = ParametersWithoutDerivative(model, update.loss);
  std::vector<std::string> names;
  for (const Slot* parameter : ParametersOf(model, update)) {
    const NamedValue* input = model.graph.FindInput(parameter->name);
    if (input == nullptr || !needed[input->value.node]) continue;
    if (std::ranges::find(without, parameter) != without.end())
      return std::unexpected(HasNoDerivative(*parameter));
    names.push_back(parameter->name);
  }
  if (!names.empty()) return names;
  auto error = Error("the loss depends on no trainable parameter that matches {}",
                     Quoted(update.parameters));
  error.error().hint = "the pattern after `over` is matched against parameter names; * matches all";
  return error;
}

}  // namespace

std::vector<const Slot*> ParametersWithoutDerivative(const Model& model, const std::string& loss) {
  const Value losses[] = {model.graph.FindOutput(loss)->value};
  const std::vector<bool> needed = Needed(model.graph, losses);
  const std::vector<bool> reached = ReachedThroughFloats(model.graph, losses[0]);
  std::vector<const Slot*> parameters;
  for (const Slot& slot : model.slots) {
    const NamedValue* input = model.graph.FindInput(slot.name);
    if (slot.kind != SlotKind::kParameter || input == nullptr) continue;
    if (needed[input->value.node] && !reached[input->value.node]) parameters.push_back(&slot);
  }
  return parameters;
}

Diagnostic HasNoDerivative(const Slot& parameter) {
  return {.message = fmt::format(
              "the loss depends on {} only through integers and bools, so it has no gradient",
              Quoted(parameter.name)),
          .location = parameter.location,
          .hint = "comparisons, argmax and casts to integers have no derivative"};
}

std::string GradientName(const std::string& parameter) { return "grad." + parameter; }

std::optional<size_t> PendingUpdate(const Model& model) {
  if (model.entry != "train_step" || model.updates.empty()) return std::nullopt;
  const bool first_done = std::ranges::any_of(model.slots, [](const Slot& slot) {
    return slot.kind == SlotKind::kParameter && !slot.next.empty();
  });
  if (!first_done) return 0;
  for (size_t number = 1; number < model.updates.size(); ++number)
    if (model.updates[number].loss != model.updates[0].loss) return number;
  return std::nullopt;
}

Value CurrentValue(const Graph& graph, const std::string& slot) {
  const NamedValue* next = graph.FindOutput(NextName(slot));
  return next != nullptr ? next->value : graph.FindInput(slot)->value;
}

Result<Model> Differentiate(Model model, const PassOptions&) {
  if (model.entry.empty())
    return Error("differentiate takes a model that was specialized to train_step");
  const std::optional<size_t> number = PendingUpdate(model);
  if (!number) return model;
  const Update* update = &model.updates[*number];
  if (!model.gradients.empty()) return Error("the model is differentiated already");
  DESCENT_TRY(parameters, DifferentiatedParameters(model, *update));

  const Graph& source = model.graph;
  GraphBuilder b;
  ValueMap map = CopyInputs(source, b);
  DESCENT_RETURN_IF_ERROR(Transcribe(source, OutputValues(source), Copy, map, b));

  // The loss as a function of the state that earlier updates left.
  ValueMap updated(source);
  for (const NamedValue& input : source.inputs()) {
    const Slot* slot = model.FindSlot(input.name);
    const bool replaced = slot != nullptr && slot->kind == SlotKind::kParameter;
    const Value current = replaced ? CurrentValue(source, input.name) : input.value;
    updated.Set(input.value.node, {map.At(current)});
  }
  const Value losses[] = {source.FindOutput(update->loss)->value};
  DESCENT_RETURN_IF_ERROR(Transcribe(source, losses, Copy, updated, b));

  // Parameters are what they are now, not functions of what they were before earlier updates.
  std::vector<Value> wanted, state;
  for (const std::string& parameter : parameters)
    wanted.push_back(updated.At(source.FindInput(parameter)->value));
  for (const NamedValue& input : source.inputs())
    if (const Slot* slot = model.FindSlot(input.name); slot && slot->kind == SlotKind::kParameter)
      state.push_back(updated.At(input.value));
  const Value loss = updated.At(losses[0]);
  b.SetOrigin(update->loss, Section::kBackward);
  const Cotangent seeds[] = {{loss, b.ConstantLike(loss, 1)}};
  DESCENT_TRY(gradients, ReverseWalk(b, seeds, wanted, state));
  b.SetOrigin("", Section::kForward);

  model.expanded = false;  // gradients may be composites
  for (const NamedValue& output : source.outputs()) b.Output(output.name, map.At(output.value));
  for (size_t i = 0; i < parameters.size(); ++i) {
    model.gradients.push_back(GradientName(parameters[i]));
    b.Output(model.gradients.back(), gradients[i]);
  }
  model.graph = std::move(b).Build();
  return model;
}

}  // namespace descent
