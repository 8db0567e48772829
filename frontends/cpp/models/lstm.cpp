// Long short-term memory that predicts the next token of a text.

#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"
#include "frontends/cpp/models/ready_models.h"

namespace descent::nn {
namespace {

Layer Lstm(int64_t vocabulary, int64_t width, int64_t depth) {
  const Layer embedding = Embedding(vocabulary, width);
  const Layer lstm = LSTM(width, width, {.num_layers = depth, .batch_first = true});
  const Layer fc = Linear(width, vocabulary);
  return Layer("Lstm", {{"embedding", embedding}, {"lstm", lstm}, {"fc", fc}},
               [=](const Variable& tokens) { return fc(lstm(embedding(tokens))); });
}

Result<Model> Build(const ReadyModel& ready, const Sizes& sizes) {
  ModelBuilder m(std::string(ready.name), sizes["batch"]);
  const Layer net = m.Add(Lstm(sizes["vocabulary"], sizes["width"], sizes["depth"]));
  const Variable tokens = m.Input("tokens", {sizes["steps"]}, {.dtype = DType::kI64});
  const Variable next = m.Label({sizes["steps"]});
  const Variable logits = net(tokens);
  m.Predict("logits", logits);
  m.Measure("accuracy", "accuracy", {logits, next});
  m.Train(CrossEntropy(logits, next), Adam(1e-3));
  return std::move(m).Build();
}

}  // namespace

ReadyModel LstmModel() {
  return {.name = "lstm",
          .doc = "long short-term memory that predicts the next token",
          .sizes = {{"batch", 32}, {"steps", 64}, {"vocabulary", 65}, {"width", 128}, {"depth", 2}},
          .build = Build};
}

}  // namespace descent::nn
