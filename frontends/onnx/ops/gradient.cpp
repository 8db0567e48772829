// Gradient: derivatives in a graph, of what stands before it. The intermediate representation has
// no such operator; the gradient is more graph.
#include <algorithm>
#include <map>
#include <span>

#include "frontends/onnx/ops/families.h"
#include "ir/autodiff.h"
#include "ir/op_def.h"

namespace descent::onnx {
namespace {

/// Whether the name is bound in a scope of this builder: what a body reads from outside is one of
/// its inputs, however it was computed.
bool IsComputedHere(Scope& scope, std::string_view name) {
  for (Scope* here = &scope; here != nullptr; here = here->outside()) {
    if (here->Defines(name)) return true;
    if (here->outside() != nullptr && &here->outside()->builder() != &here->builder()) return false;
  }
  return false;
}

/// The value that an attribute names.
Value Named(OnnxNode& n, const std::string& name) {
  if (n.failed()) return {};
  if (!n.scope().Knows(name)) return n.Fail("nothing before it defines {}", Quoted(name));
  if (!IsComputedHere(n.scope(), name))
    return n.Unsupported("it differentiates {}, which is computed outside of the body",
                         Quoted(name));
  if (n.scope().IsSequence(name)) return n.Fail("{} is a sequence, not a tensor", Quoted(name));
  return n.scope().Find(name);
}

/// `y` again, computed of other values: `moved` holds what takes the place of what.
Value Recompute(OnnxNode& n, Value y, std::map<Value, Value> moved) {
  const auto place = [&](Value value) {
    const auto found = moved.find(value);
    return found == moved.end() ? value : found->second;
  };
  for (int32_t i = 0; i <= y.node && !n.failed(); ++i) {
    const Node& node = n.builder().node({i, 0});
    std::vector<Value> operands = node.operands;
    std::ranges::transform(operands, operands.begin(), place);
    if (operands == node.operands) continue;
    const std::string_view op = node.op->name;  // of the registry: stays where nodes move
    Attributes attributes = node.attributes;
    const std::vector<Value> results = n.AddMulti(op, std::move(operands), std::move(attributes));
    for (size_t r = 0; r < results.size(); ++r)
      moved.try_emplace({i, static_cast<int32_t>(r)}, results[r]);
  }
  return place(y);
}

/// dy/dx for each x, of the sum of y's elements; z are constants. The operands are values of x and
/// z, at which it is computed.
Outputs Gradient(OnnxNode& n) {
  std::vector<std::string> names = n.Words("xs");
  const size_t count = names.size();
  for (std::string& name : n.Words("zs")) names.push_back(std::move(name));
  const std::vector<Value> at = n.Operands();
  if (!n.failed() && (count == 0 || at.size() != names.size()))
    return n.Fail("xs and zs name {} tensors, but it has {} operands", names.size(), at.size());
  Value y = Named(n, n.Word("y", ""));
  std::map<Value, Value> moved;
  for (size_t i = 0; i < at.size() && !n.failed(); ++i) {
    const Value named = Named(n, names[i]);
    if (!n.failed() && n.type(named) != n.type(at[i]))
      return n.Fail("{} is {}, but its operand {}", Quoted(names[i]), ToString(n.type(named)),
                    ToString(n.type(at[i])));
    moved.insert_or_assign(named, at[i]);
  }
  if (n.failed()) return Value{};
  if (!n.IsFloat(y)) return n.Fail("y is {}: only floats have a gradient", ToString(n.type(y)));
  if (std::ranges::any_of(moved, [](const auto& each) { return each.first != each.second; }))
    y = Recompute(n, y, std::move(moved));
  const Value one = n.Expand(n.Like(y, 1), n.shape(y));
  if (n.failed()) return Value{};
  const Cotangent cotangent = {y, one};
  const auto xs = std::span(at).first(count), zs = std::span(at).subspan(count);
  return n.Take(ReverseWalk(n.builder(), {&cotangent, 1}, xs, zs));
}

}  // namespace

std::span<const OpImporter> GradientImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"Gradient", 1, kNewest, kVariadic, {"xs", "y", "zs"}, Gradient, {}, kTraining},
  };
  return kImporters;
}

}  // namespace descent::onnx
