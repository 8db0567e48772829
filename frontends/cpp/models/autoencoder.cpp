// Networks that learn to give back what they are given through a narrow middle.

#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"
#include "frontends/cpp/models/ready_models.h"

namespace descent::nn {
namespace {

Result<Model> BuildAutoencoder(const ReadyModel& ready, const Sizes& sizes) {
  const int64_t inputs = sizes["inputs"], width = sizes["width"], code = sizes["code"];
  ModelBuilder m(std::string(ready.name), sizes["batch"]);
  const Layer encoder =
      m.Add("encoder", Sequential(Linear(inputs, width), ReLU(), Linear(width, code)));
  const Layer decoder =
      m.Add("decoder", Sequential(Linear(code, width), ReLU(), Linear(width, inputs), Sigmoid()));
  const Variable image = m.Input("image", {inputs}, Pixels());
  const Variable restored = decoder(encoder(image));
  m.Predict("restored", restored);
  m.Train(Mse(restored, image), Adam(1e-3));
  return std::move(m).Build();
}

/// D. P. Kingma and M. Welling, Auto-encoding variational Bayes (2013). The loss is the mean over
/// rows of the cross entropy of all pixels plus the divergence of the code from N(0, 1).
Result<Model> BuildVae(const ReadyModel& ready, const Sizes& sizes) {
  const int64_t inputs = sizes["inputs"], width = sizes["width"], code = sizes["code"];
  ModelBuilder m(std::string(ready.name), sizes["batch"]);
  const Layer encoder = m.Add("encoder", Sequential(Linear(inputs, width), ReLU()));
  const Layer to_mean = m.Add("mean", Linear(width, code));
  const Layer to_log_variance = m.Add("log_variance", Linear(width, code));
  const Layer decoder =
      m.Add("decoder", Sequential(Linear(code, width), ReLU(), Linear(width, inputs)));
  const Variable image = m.Input("image", {inputs}, Pixels());
  const Variable h = encoder(image);
  const Variable mean = to_mean(h), log_variance = to_log_variance(h);
  const Variable drawn = mean + Exp(log_variance * 0.5) * NormalLike(mean);
  const Variable pixels =
      Apply("bce_with_logits", {decoder(drawn), image}, {{"reduction", "none"}});
  const Variable divergence = (Square(mean) + Exp(log_variance) - log_variance - 1.0) * 0.5;
  m.Predict("restored", Sigmoid(decoder(mean)));
  // New images: of codes that no image was encoded to.
  m.Output("sample", Sigmoid(decoder(NormalLike(mean))));
  m.Train(Mean(Sum(pixels, {1}) + Sum(divergence, {1})), Adam(1e-3));
  return std::move(m).Build();
}

}  // namespace

ReadyModel AutoencoderModel() {
  return {.name = "autoencoder",
          .doc = "images through a narrow code and back, by default of 28x28",
          .sizes = {{"batch", 128}, {"inputs", 784}, {"width", 256}, {"code", 32}},
          .build = BuildAutoencoder};
}

ReadyModel VaeModel() {
  return {.name = "vae",
          .doc = "variational autoencoder, whose value sample is new images",
          .sizes = {{"batch", 128}, {"inputs", 784}, {"width", 400}, {"code", 20}},
          .build = BuildVae};
}

}  // namespace descent::nn
