// Attention, and the blocks of Transformers around it.

#include "frontends/cpp/initializers.h"
#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"

namespace descent::nn {

Layer MultiheadAttention(int64_t width, int64_t heads, const AttentionOptions& options) {
  const Parameter weight({3 * width, width}, init::GlorotUniform());
  const Parameter bias({3 * width}, init::Zeros());
  const Layer out = Linear(width, width, {.bias = options.bias});
  std::vector<Member> members = {{"in_proj_weight", weight}};
  if (options.bias) {
    out.parameter("bias").Initialize(init::Zeros());
    members.push_back({"in_proj_bias", bias});
  }
  members.push_back({"out_proj", out});
  return Layer("MultiheadAttention", members, [=](const Variable& x) {
    std::vector<Variable> operands = {x, x.model().Read(weight)};
    if (options.bias) operands.push_back(x.model().Read(bias));
    return out(SelfAttention(Apply("linear", operands), heads, options.causal));
  });
}

Layer TransformerEncoderLayer(int64_t width, int64_t heads, const TransformerOptions& options) {
  const Layer attention = MultiheadAttention(width, heads, {.causal = options.causal});
  const Layer linear1 = Linear(width, options.hidden), linear2 = Linear(options.hidden, width);
  const Layer norm1 = LayerNorm(width), norm2 = LayerNorm(width);
  const Layer dropout = Dropout(options.dropout);
  const Layer dropout1 = Dropout(options.dropout), dropout2 = Dropout(options.dropout);
  return Layer("TransformerEncoderLayer",
               {{"self_attn", attention},
                {"linear1", linear1},
                {"dropout", dropout},
                {"linear2", linear2},
                {"norm1", norm1},
                {"norm2", norm2},
                {"dropout1", dropout1},
                {"dropout2", dropout2}},
               [=](const Variable& x) {
                 const auto attend = [&](const Variable& y) { return dropout1(attention(y)); };
                 const auto feed = [&](const Variable& y) {
                   return dropout2(linear2(dropout(Relu(linear1(y)))));
                 };
                 if (options.norm_first) {
                   const Variable y = x + attend(norm1(x));
                   return y + feed(norm2(y));
                 }
                 const Variable y = norm1(x + attend(x));
                 return norm2(y + feed(y));
               });
}

Layer TransformerEncoder(int64_t width, int64_t heads, int64_t depth,
                         const TransformerOptions& options) {
  std::vector<Layer> layers;
  for (int64_t i = 0; i < depth; ++i)
    layers.push_back(TransformerEncoderLayer(width, heads, options));
  const Layer stack = Sequential(layers);
  return Layer("TransformerEncoder", {{"layers", stack}},
               [=](const Variable& x) { return stack(x); });
}

}  // namespace descent::nn
