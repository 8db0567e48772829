// A Transformer that predicts the next token: A. Radford et al., Language models are unsupervised
// multitask learners (2019). Parameters have the names of GPT-2's published implementations, the
// first values, too: N(0, 0.02), biases 0. The output layer's weights are the table of tokens.

#include "frontends/cpp/initializers.h"
#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"
#include "frontends/cpp/models/ready_models.h"

namespace descent::nn {
namespace {

Layer CausalSelfAttention(int64_t width, int64_t heads) {
  const Layer c_attn = Linear(width, 3 * width), c_proj = Linear(width, width);
  return Layer("CausalSelfAttention", {{"c_attn", c_attn}, {"c_proj", c_proj}},
               [=](const Variable& x) { return c_proj(SelfAttention(c_attn(x), heads, true)); });
}

Layer Mlp(int64_t width) {
  const Layer c_fc = Linear(width, 4 * width), gelu = GELU("tanh");
  const Layer c_proj = Linear(4 * width, width);
  return Layer("MLP", {{"c_fc", c_fc}, {"gelu", gelu}, {"c_proj", c_proj}},
               [=](const Variable& x) { return c_proj(gelu(c_fc(x))); });
}

Layer Block(int64_t width, int64_t heads) {
  const Layer ln_1 = LayerNorm(width), attn = CausalSelfAttention(width, heads);
  const Layer ln_2 = LayerNorm(width), mlp = Mlp(width);
  return Layer("Block", {{"ln_1", ln_1}, {"attn", attn}, {"ln_2", ln_2}, {"mlp", mlp}},
               [=](const Variable& x) {
                 const Variable y = x + attn(ln_1(x));
                 return y + mlp(ln_2(y));
               });
}

int64_t Positions(const Sizes& sizes) {
  return sizes[sizes.Has("positions") ? "positions" : "steps"];
}

Layer Gpt(const Sizes& sizes) {
  const int64_t width = sizes["width"];
  const Layer wte = Embedding(sizes["vocabulary"], width);
  const Layer wpe = Embedding(Positions(sizes), width);
  std::vector<Layer> blocks;
  for (int64_t i = 0; i < sizes["depth"]; ++i) blocks.push_back(Block(width, sizes["heads"]));
  const Layer h = Sequential(blocks), ln_f = LayerNorm(width);
  const Layer lm_head =
      Linear(width, sizes["vocabulary"], {.bias = false, .weight = wte.parameter("weight")});
  const Parameter positions = wpe.parameter("weight");
  const Layer gpt("GPT",
                  {{"wte", wte}, {"wpe", wpe}, {"h", h}, {"ln_f", ln_f}, {"lm_head", lm_head}},
                  [=](const Variable& tokens) {
                    const int64_t steps = tokens.extent(1);
                    const Variable where = Slice(tokens.model().Read(positions), 0, 0, steps);
                    return lm_head(ln_f(h(wte(tokens) + where)));
                  });
  for (const char* pattern : {"wte.weight", "wpe.weight", "h.*.attn.*.weight", "h.*.mlp.*.weight"})
    gpt.Initialize(pattern, init::Normal(0, 0.02));
  gpt.Initialize("*.bias", init::Zeros());
  return gpt;
}

Result<Model> Build(const ReadyModel& ready, const Sizes& sizes, const Optimizer& optimizer) {
  DESCENT_RETURN_IF_ERROR(CheckHeads(sizes));
  if (sizes["steps"] > Positions(sizes))
    return SizeError(fmt::format("{} steps are more than the {} positions that are known",
                                 sizes["steps"], Positions(sizes)));
  ModelBuilder m(std::string(ready.name), sizes["batch"]);
  const Layer net = m.Add(Gpt(sizes));
  const Variable tokens = m.Input("tokens", {sizes["steps"]}, {.dtype = DType::kI64});
  const Variable next = m.Label({sizes["steps"]});
  const Variable logits = net(tokens);
  m.Predict("logits", logits);
  m.Measure("accuracy", "accuracy", {logits, next});
  m.Train(CrossEntropy(logits, next), optimizer);
  return std::move(m).Build();
}

Result<Model> BuildCharGpt(const ReadyModel& ready, const Sizes& sizes) {
  return Build(ready, sizes, AdamW(1e-3, {.beta2 = 0.99, .weight_decay = 0.1}));
}
Result<Model> BuildGpt2(const ReadyModel& ready, const Sizes& sizes) {
  return Build(ready, sizes, AdamW(1e-4));
}

std::vector<Size> CharGptSizes() {
  return {{"batch", 12},  {"steps", 64}, {"vocabulary", 65},
          {"width", 128}, {"depth", 4},  {"heads", 4}};
}

}  // namespace

ReadyModel GptModel() {
  return {.name = "gpt",
          .doc = "Transformer that predicts the next token; chargpt and gpt2 are sizes of it",
          .sizes = CharGptSizes(),
          .build = BuildCharGpt};
}

ReadyModel CharGptModel() {
  return {.name = "chargpt",
          .doc = "gpt for the characters of a text",
          .sizes = CharGptSizes(),
          .build = BuildCharGpt};
}

ReadyModel Gpt2Model() {
  return {.name = "gpt2",
          .doc = "gpt as large as GPT-2 small",
          .sizes = {{"batch", 4},
                    {"steps", 64},
                    {"positions", 1024},
                    {"vocabulary", 50257},
                    {"width", 768},
                    {"depth", 12},
                    {"heads", 12}},
          .build = BuildGpt2};
}

}  // namespace descent::nn
