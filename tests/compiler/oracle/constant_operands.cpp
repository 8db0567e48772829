#include "tests/compiler/oracle/constant_operands.h"

#include <algorithm>
#include <memory>

namespace descent {

std::vector<bool> ConstantOperands(const OpDef& op, const OpContext& context, int result) {
  const size_t count = context.operands.size();
  std::vector<bool> constant(count, false);
  if (op.vjp == nullptr) return constant;
  GraphBuilder b;
  std::vector<Value> operands, gradients;
  const auto wanted = std::make_unique<bool[]>(count);
  for (size_t i = 0; i < count; ++i) {
    operands.push_back(b.Input(fmt::format("x{}", i), context.operands[i]));
    wanted[i] = Info(context.operands[i].dtype).is_float;
  }
  const auto results = b.TryAdd(op.name, operands, context.attributes);
  DESCENT_CHECK(results.has_value(), "operands of a checked node");
  for (const Value value : *results) {
    const bool arrives = Info(b.dtype(value)).is_float && (result < 0 || result == value.result);
    gradients.push_back(arrives ? b.Input(fmt::format("g{}", value.result), b.type(value))
                                : Value{});
  }
  if (std::ranges::none_of(gradients, &Value::valid)) return constant;
  std::optional<Diagnostic> error;
  const VjpContext vjp{b, context, operands, *results, gradients, {wanted.get(), count}, &error};
  const std::vector<Value> partials = op.vjp(vjp);
  if (error) return constant;
  for (size_t i = 0; i < count; ++i) constant[i] = wanted[i] && !partials[i].valid();
  return constant;
}

}  // namespace descent
