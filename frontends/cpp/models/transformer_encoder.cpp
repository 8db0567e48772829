// Sequences told apart by a Transformer's encoder: A. Vaswani et al., Attention is all you need
// (2017). Blocks are torch.nn.TransformerEncoderLayer's.

#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"
#include "frontends/cpp/models/ready_models.h"

namespace descent::nn {
namespace {

Layer Classifier(const Sizes& sizes) {
  const int64_t width = sizes["width"], steps = sizes["steps"];
  const Layer embedding = Embedding(sizes["vocabulary"], width);
  const Layer encoder =
      TransformerEncoder(width, sizes["heads"], sizes["depth"], {.hidden = sizes["hidden"]});
  const Layer fc = Linear(width, sizes["classes"]);
  return Layer("Classifier", {{"embedding", embedding}, {"encoder", encoder}, {"fc", fc}},
               [=](const Variable& tokens) {
                 const Variable positions = tokens.model().Apply(
                     "sinusoidal_positions", {}, {{"length", steps}, {"width", width}})[0];
                 return fc(Mean(encoder(embedding(tokens) + positions), {1}));
               });
}

Result<Model> Build(const ReadyModel& ready, const Sizes& sizes) {
  DESCENT_RETURN_IF_ERROR(CheckHeads(sizes));
  ModelBuilder m(std::string(ready.name), sizes["batch"]);
  const Layer net = m.Add(Classifier(sizes));
  const Variable tokens = m.Input("tokens", {sizes["steps"]}, {.dtype = DType::kI64});
  const Variable label = m.Label();
  const Variable logits = net(tokens);
  m.Classify(logits, label);
  m.Train(CrossEntropy(logits, label), Adam(5e-4));
  return std::move(m).Build();
}

}  // namespace

ReadyModel TransformerEncoderModel() {
  return {.name = "transformer_encoder",
          .doc = "sequences of tokens told apart by blocks of attention",
          .sizes = {{"batch", 32},
                    {"steps", 64},
                    {"vocabulary", 1000},
                    {"width", 128},
                    {"hidden", 512},
                    {"depth", 2},
                    {"heads", 4},
                    {"classes", 2}},
          .build = Build};
}

}  // namespace descent::nn
