#include "compiler/graph/trained_part.h"

#include <algorithm>
#include <vector>

#include "compiler/graph/differentiate.h"
#include "ir/op_def.h"

namespace descent {
namespace {

/// What the value is computed of, itself included.
std::vector<bool> Ancestors(const Graph& graph, Value value) {
  std::vector<bool> needed(graph.nodes().size(), false);
  needed[value.node] = true;
  for (size_t number = graph.nodes().size(); number-- > 0;) {
    if (!needed[number]) continue;
    for (const Value operand : graph.nodes()[number].operands) needed[operand.node] = true;
  }
  return needed;
}

/// What reads a slot of these, directly or not.
std::vector<bool> Descendants(const Model& model, bool (*is_source)(const Slot&)) {
  const Graph& graph = model.graph;
  std::vector<bool> reads(graph.nodes().size(), false);
  for (const NamedValue& input : graph.inputs()) {
    const Slot* slot = model.FindSlot(input.name);
    reads[input.value.node] = slot != nullptr && is_source(*slot);
  }
  for (size_t number = 0; number < graph.nodes().size(); ++number)
    for (const Value operand : graph.nodes()[number].operands)
      if (reads[operand.node]) reads[number] = true;
  return reads;
}

bool IsParameter(const Slot& slot) { return slot.kind == SlotKind::kParameter; }
bool IsTrained(const Slot& slot) { return IsParameter(slot) && slot.trainable; }

}  // namespace

TrainedPart TrainedPartOf(const Model& model) {
  TrainedPart part;
  for (const Slot& slot : model.slots) {
    if (!IsParameter(slot)) continue;
    ++part.parameters;
    part.elements += slot.type.elements();
    part.trained_parameters += slot.trainable;
    part.trained_elements += slot.trainable ? slot.type.elements() : 0;
  }
  const Graph& graph = model.graph;
  const NamedValue* loss = model.has_loss() ? graph.FindOutput(model.updates[0].loss) : nullptr;
  if (loss == nullptr) return part;
  for (const Slot* slot : ParametersWithoutDerivative(model, loss->name))
    part.without_derivative.push_back(slot->name);
  const std::vector<bool> needed = Ancestors(graph, loss->value);
  const std::vector<bool> reads_any = Descendants(model, IsParameter);
  const std::vector<bool> reads_trained = Descendants(model, IsTrained);
  for (size_t number = 0; number < graph.nodes().size(); ++number) {
    if (!needed[number] || graph.nodes()[number].op->leaf != Leaf::kNone) continue;
    part.operators += reads_any[number];
    part.differentiated += reads_trained[number];
  }
  return part;
}

}  // namespace descent
