#include "compiler/graph/entry_initialize.h"

#include <algorithm>

#include "compiler/graph/optimizers.h"
#include "compiler/graph/specialize.h"
#include "ir/op_def.h"

namespace descent {
namespace {

bool HasAttribute(const OpDef& op, std::string_view name) {
  return std::ranges::find(op.signature.attributes, name, &AttributeSpec::name) !=
         op.signature.attributes.end();
}

Result<Value> FirstValue(const Slot& slot, int64_t position, GraphBuilder& b) {
  const Initializer& initializer = slot.initializer;
  if (initializer.data) return b.Constant(*initializer.data);
  if (!initializer.file.empty())
    return Error("slot {}: file {} was not read", Quoted(slot.name), Quoted(initializer.file));
  const OpDef* op = FindOp(initializer.op);
  if (op == nullptr)
    return Error("slot {}: no initializer {}", Quoted(slot.name), Quoted(initializer.op));
  Attributes attributes = initializer.attributes;
  const Attributes given = {
      {"shape", slot.type.shape}, {"dtype", slot.type.dtype}, {"stream", position}};
  for (const auto& [name, value] : given)
    if (HasAttribute(*op, name)) attributes.Set(name, value);
  DESCENT_TRY(values, b.TryAdd(initializer.op, {}, std::move(attributes)));
  if (b.type(values[0]) != slot.type)
    return Error("slot {}: initializer {} gives {}, not {}", Quoted(slot.name), initializer.op,
                 ToString(b.type(values[0])), ToString(slot.type));
  return values[0];
}

}  // namespace

Result<Model> InitializeEntry(Model model, const PassOptions&) {
  model.slots = StateSlots(model);
  GraphBuilder b;
  for (size_t i = 0; i < model.slots.size(); ++i) {
    Slot& slot = model.slots[i];
    b.SetOrigin(slot.name, Section::kForward);
    DESCENT_TRY(value, FirstValue(slot, static_cast<int64_t>(i), b));
    slot.next = NextName(slot.name);
    b.Output(slot.next, value);
  }
  b.SetOrigin("", Section::kForward);
  if (model.has_loss()) {
    DESCENT_RETURN_IF_ERROR(CheckUpdate(model.updates[0]));
    const double rate = HyperparametersOf(model.updates[0]).Float("learning_rate");
    b.Output("next.step", b.Constant(Tensor::Scalar(DType::kI64, 0)));
    b.Output("next.learning_rate", b.Constant(Tensor::Scalar(DType::kF64, rate)));
  }
  model.graph = std::move(b).Build();
  model.entry = "initialize";
  ForgetTask(model);
  return model;
}

}  // namespace descent
