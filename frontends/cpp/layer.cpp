#include "frontends/cpp/layer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "frontends/cpp/model_builder.h"

namespace descent::nn {

Parameter::Parameter(Shape shape, Initializer initializer, SlotKind kind)
    : data_(std::make_shared<Data>(
          Data{.shape = std::move(shape), .initializer = std::move(initializer), .kind = kind})) {}

Parameter Parameter::Missing(std::string_view name) {
  Parameter parameter({}, {});
  parameter.data_->missing = name;
  return parameter;
}

struct Layer::Data {
  std::string kind;
  std::vector<Member> members;
  Forward forward;
};

Layer::Layer(std::string kind, std::vector<Member> members, Forward forward)
    : data_(std::make_shared<Data>(Data{std::move(kind), std::move(members), std::move(forward)})) {
}

Layer::Layer(std::string kind, Forward forward)
    : Layer(std::move(kind), std::vector<Member>{}, std::move(forward)) {}

Variable Layer::operator()(const Variable& x) const {
  if (data_ == nullptr) return x;
  x.model().Enter(*this);
  const Variable y = data_->forward(x);
  x.model().Leave(y);
  return y;
}

const std::string& Layer::kind() const {
  static const std::string kIdentity = "Identity";
  return data_ == nullptr ? kIdentity : data_->kind;
}

const std::vector<Member>& Layer::members() const {
  static const std::vector<Member> kNone;
  return data_ == nullptr ? kNone : data_->members;
}

namespace {

void Collect(const Layer& layer, const std::string& prefix, std::set<const void*>& seen,
             std::vector<NamedParameter>& found) {
  for (const Member& member : layer.members())
    if (const auto* parameter = std::get_if<Parameter>(&member.what))
      if (seen.insert(parameter->identity()).second)
        found.push_back({prefix + member.name, *parameter});
  for (const Member& member : layer.members())
    if (const auto* child = std::get_if<Layer>(&member.what))
      Collect(*child, prefix + member.name + ".", seen, found);
}

}  // namespace

std::vector<NamedParameter> Layer::parameters() const {
  std::vector<NamedParameter> found;
  std::set<const void*> seen;
  Collect(*this, "", seen, found);
  return found;
}

Parameter Layer::parameter(std::string_view name) const {
  for (const NamedParameter& each : parameters())
    if (each.name == name) return each.parameter;
  return Parameter::Missing(name);
}

void Layer::Initialize(std::string_view pattern, const Initializer& initializer) const {
  for (NamedParameter& each : parameters())
    if (each.parameter.kind() == SlotKind::kParameter && MatchesPattern(pattern, each.name))
      each.parameter.Initialize(initializer);
}

}  // namespace descent::nn
