#include "ir/expansion.h"

#include <algorithm>

#include "ir/expr.h"

namespace descent {

std::vector<Value> BuildInArithmeticType(GraphBuilder& b, const OpDef& op, const OpContext& context,
                                         std::span<const Value> operands, const BuildRule& rule) {
  std::vector<TensorType> types(context.operands.begin(), context.operands.end());
  for (TensorType& type : types) type.dtype = ArithmeticType(type.dtype);
  Attributes attributes = context.attributes;
  for (const auto& [name, value] : context.attributes)
    if (const auto* dtype = std::get_if<DType>(&value))
      attributes.Set(name, ArithmeticType(*dtype));
  const bool has_body = std::ranges::any_of(context.attributes, [](const auto& attribute) {
    return KindOf(attribute.second) == AttributeKind::kGraph;
  });
  if (has_body || (std::ranges::equal(types, context.operands) &&
                   SameAttributes(attributes, context.attributes)))
    return rule(context, operands);
  const auto own_types = op.infer(context);
  DESCENT_CHECK(own_types.has_value(), "the types of a node were inferred before");
  std::vector<Value> wide;
  for (size_t i = 0; i < operands.size(); ++i)
    wide.push_back(CastTo({b, operands[i]}, types[i].dtype));
  std::vector<Value> results = rule(OpContext{types, attributes}, wide);
  for (size_t i = 0; i < results.size(); ++i)
    results[i] = CastTo({b, results[i]}, (*own_types)[i].dtype);
  return results;
}

std::vector<Value> ExpandOperator(GraphBuilder& b, const OpDef& op, const OpContext& context,
                                  std::span<const Value> operands) {
  return BuildInArithmeticType(b, op, context, operands,
                               [&](const OpContext& wide, std::span<const Value> values) {
                                 return op.expand(b, wide, values);
                               });
}

}  // namespace descent
