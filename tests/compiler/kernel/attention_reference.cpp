#include "tests/compiler/kernel/attention_reference.h"

#include "ir/interpreter.h"

namespace descent {
namespace {

Tensor Reshaped(const Tensor& tensor, Shape shape) {
  return Tensor({tensor.dtype(), std::move(shape)}, {tensor.bytes().begin(), tensor.bytes().end()});
}

/// The mask of every head, query and key.
Tensor WholeMask(const AttentionForm& form, const Tensor& mask, Shape shape) {
  std::vector<double> values;
  for (int64_t head = 0; head < form.heads; ++head) {
    int64_t base = 0;
    for (const MaskAxis& axis : form.mask_axes)
      base += head / axis.inner % axis.extent * axis.stride;
    for (int64_t query = 0; query < form.queries; ++query)
      for (int64_t key = 0; key < form.keys; ++key)
        values.push_back(
            mask.GetDouble(base + query * form.mask_query_stride + key * form.mask_key_stride));
  }
  return Tensor::FromDoubles({mask.dtype(), std::move(shape)}, values);
}

}  // namespace

std::vector<Tensor> RunAttentionReference(const Kernel& kernel, std::vector<Tensor> before) {
  const AttentionForm& form = kernel.as<AttentionForm>();
  const int64_t kv_heads = form.heads / form.group;
  const auto queries = [&](Shape rest) {
    rest.insert(rest.begin(), {kv_heads, form.group, form.queries});
    return rest;
  };
  const auto keys = [&](int64_t width) { return Shape{kv_heads, 1, form.keys, width}; };
  const bool forward = form.sweep == AttentionSweep::kForward;
  std::vector<Tensor> operands = {Reshaped(before[form.q], queries({form.width})),
                                  Reshaped(before[form.k], keys(form.width)),
                                  Reshaped(before[form.v], keys(form.value_width))};
  if (!forward) {
    operands.push_back(Reshaped(before[form.lse], queries({})));
    operands.push_back(Reshaped(before[form.gradient], queries({form.value_width})));
    operands.push_back(Reshaped(before[form.delta], queries({})));
  }
  if (form.mask >= 0) operands.push_back(WholeMask(form, before[form.mask], queries({form.keys})));
  GraphBuilder b;
  std::vector<Value> inputs;
  for (const Tensor& operand : operands)
    inputs.push_back(b.Input(fmt::format("x{}", inputs.size()), operand.type()));
  const auto results = b.AddMulti(forward ? "scaled_dot_product_attention" : "attention_vjp",
                                  inputs, {{"causal", form.causal}, {"scale", form.scale}});
  for (const Value result : results) b.Output("", result);
  const auto run = Interpret(std::move(b).Build(), operands);
  DESCENT_CHECK(run.has_value(), run.error().message);
  const int first = form.sweep == AttentionSweep::kKeyGradient ? 1 : 0;
  const auto keep = [&](int parameter, int result) {
    if (parameter >= 0)
      before[parameter] = Reshaped(run->outputs[result], kernel.parameters[parameter].type.shape);
  };
  keep(form.first_result, first);
  keep(form.second_result, first + 1);
  return before;
}

}  // namespace descent
