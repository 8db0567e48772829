#include "frontends/onnx/scope.h"

#include <algorithm>
#include <utility>

#include "ir/op_def.h"

namespace descent::onnx {
namespace {

std::optional<Tensor> DataOf(const Model& model, const std::string& input) {
  const Slot* slot = model.FindSlot(input);
  return slot == nullptr ? std::nullopt : slot->initializer.data;
}

}  // namespace

Scope::Scope(GraphBuilder& builder, Model& model)
    : builder_(builder),
      model_(&model),
      statics_(std::make_shared<StaticValues>(
          builder, [&model](const std::string& input) { return DataOf(model, input); },
          [this](const std::string& input) { relied_on_.insert(input); })) {}

Scope::Scope(GraphBuilder& builder, Scope& outside, Body)
    : builder_(builder),
      outside_(&outside),
      statics_(std::make_shared<StaticValues>(
          builder,
          [this](const std::string& input) -> std::optional<Tensor> {
            const auto captured = std::ranges::find(captures_, input, &Captured::name);
            if (captured == captures_.end()) return std::nullopt;
            auto value = outside_->statics_->Evaluate(captured->outside);
            return value ? std::optional(*std::move(value)) : std::nullopt;
          },
          [this](const std::string& input) {
            const auto captured = std::ranges::find(captures_, input, &Captured::name);
            if (captured != captures_.end()) outside_->statics_->RelyOn(captured->outside);
          },
          *outside.statics_)) {}

Scope::Scope(Scope& outside, Inline)
    : builder_(outside.builder_), outside_(&outside), statics_(outside.statics_) {}

Scope::Scope(Scope& caller, Function)
    : builder_(caller.builder_), model_(caller.model_), statics_(caller.statics_) {}

void Scope::Bind(const std::string& name, Value value) { values_.insert_or_assign(name, value); }

void Scope::BindInitializer(const std::string& name, Tensor tensor, Kind kind) {
  initializers_.insert_or_assign(name, Initializer{std::move(tensor), kind});
}

void Scope::ReadAllWeights() {
  for (const auto& [name, initializer] : initializers_)
    if (initializer.kind == Kind::kWeight) Find(name);
}

void Scope::BindSequence(const std::string& name, Sequence sequence) {
  sequences_.insert_or_assign(name, std::move(sequence));
}

bool Scope::Defines(std::string_view name) const {
  return values_.contains(name) || initializers_.contains(name) || sequences_.contains(name);
}

bool Scope::Knows(std::string_view name) const {
  return Defines(name) || (outside_ != nullptr && outside_->Knows(name));
}

bool Scope::IsSequence(std::string_view name) const {
  return sequences_.contains(name) ||
         (!Defines(name) && outside_ != nullptr && outside_->IsSequence(name));
}

std::optional<TensorType> Scope::TypeOf(std::string_view name) const {
  if (const auto value = values_.find(name); value != values_.end())
    return value->second.valid() ? std::optional(builder_.type(value->second)) : std::nullopt;
  const auto initializer = initializers_.find(name);
  return initializer == initializers_.end() ? std::nullopt
                                            : std::optional(initializer->second.tensor.type());
}

Value Scope::Materialize(const std::string& name, const Initializer& initializer) {
  const auto& [tensor, kind] = initializer;
  if (model_ == nullptr || kind == Kind::kConstant) return builder_.Constant(tensor, name);
  model_->slots.push_back({.name = name, .type = tensor.type(), .initializer = {.data = tensor}});
  return builder_.Input(name, tensor.type());
}

Value Scope::CaptureValue(std::string_view name) {
  const Value value = outside_->Find(name);
  return IsInline() ? value : Capture(name, value);
}

Value Scope::Capture(std::string_view name, Value value) {
  const TensorType& type = outside_->builder_.type(value);
  if (const Node& node = outside_->builder_.node(value); node.op->leaf == Leaf::kConstant)
    return builder_.Constant(node.attributes.Literal("value"), std::string(name));
  captures_.push_back({std::string(name), value});
  return builder_.Input(std::string(name), type);
}

Value Scope::Find(std::string_view name) {
  if (const auto value = values_.find(name); value != values_.end()) return value->second;
  const auto initializer = initializers_.find(name);
  const Value value = initializer != initializers_.end()
                          ? Materialize(initializer->first, initializer->second)
                          : CaptureValue(name);
  values_.emplace(name, value);
  return value;
}

Sequence Scope::FindSequence(std::string_view name) {
  if (const auto found = sequences_.find(name); found != sequences_.end()) return found->second;
  Sequence sequence = outside_->FindSequence(name);
  if (IsInline()) return sequence;
  for (size_t i = 0; i < sequence.size(); ++i)
    if (sequence[i].valid()) sequence[i] = Capture(fmt::format("{}[{}]", name, i), sequence[i]);
  sequences_.emplace(name, sequence);
  return sequence;
}

void Scope::MakeStatistic(Value value, Value next) {
  const Node& node = builder_.node(value);
  if (model_ == nullptr || node.op->leaf != Leaf::kInput) return;
  const auto slot = std::ranges::find(model_->slots, node.label.names.front(), &Slot::name);
  // The first of several that give it a next value counts.
  if (slot == model_->slots.end() || !slot->next.empty()) return;
  if (builder_.type(next) != slot->type) return;
  slot->kind = SlotKind::kStatistic;
  slot->next = "next." + slot->name;
  builder_.Output(slot->next, next);
}

Result<Tensor> Scope::Static(std::string_view name) {
  if (const auto place = initializers_.find(name); place != initializers_.end()) {
    relied_on_.insert(place->first);
    return place->second.tensor;
  }
  if (!Defines(name) && outside_ != nullptr && outside_->Knows(name)) return outside_->Static(name);
  return Static(Find(name));
}

Result<Tensor> Scope::Static(Value value) {
  auto known = statics_->Evaluate(value);
  if (known) statics_->RelyOn(value);
  return known;
}

std::vector<int> Scope::RowElements(std::string_view name) {
  if (initializers_.contains(name)) return {};
  if (!Defines(name) && outside_ != nullptr && outside_->Knows(name))
    return outside_->RowElements(name);
  return statics_->RowElements(Find(name));
}

std::optional<Tensor> Scope::Settled(std::string_view name) {
  if (!Defines(name) && outside_ != nullptr && outside_->Knows(name))
    return outside_->Settled(name);
  const auto place = initializers_.find(name);
  if (place != initializers_.end() && place->second.kind == Kind::kConstant)
    return place->second.tensor;
  return statics_->IsConstant(Find(name)) ? Current(name) : std::nullopt;
}

std::optional<Tensor> Scope::Current(std::string_view name) {
  auto known = statics_->Evaluate(Find(name));
  return known ? std::optional(*std::move(known)) : std::nullopt;
}

}  // namespace descent::onnx
