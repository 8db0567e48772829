// Layers that keep activations in bounds: normalizations and dropout.

#include "frontends/cpp/initializers.h"
#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"

namespace descent::nn {
namespace {

Layer BatchNorm(const char* kind, int64_t channels, const BatchNormOptions& options) {
  const Parameter weight({channels}, init::Ones()), bias({channels}, init::Zeros());
  const Parameter mean({channels}, init::Zeros(), SlotKind::kStatistic);
  const Parameter var({channels}, init::Ones(), SlotKind::kStatistic);
  const Attributes attributes = {{"epsilon", options.epsilon}, {"momentum", options.momentum}};
  return Layer(
      kind, {{"weight", weight}, {"bias", bias}, {"running_mean", mean}, {"running_var", var}},
      [=](const Variable& x) {
        ModelBuilder& m = x.model();
        const std::vector<Variable> results = ApplyMulti(
            "batch_norm", {x, m.Read(weight), m.Read(bias), m.Read(mean), m.Read(var)}, attributes);
        m.Replace(mean, results[1]);
        m.Replace(var, results[2]);
        return results[0];
      });
}

Layer RandomlyZero(const char* kind, const char* op, double rate) {
  return Layer(kind, [=](const Variable& x) {
    return Apply(op, {x}, {{"rate", rate}, {"stream", x.model().NextStream()}});
  });
}

}  // namespace

Layer BatchNorm1d(int64_t channels, const BatchNormOptions& options) {
  return BatchNorm("BatchNorm1d", channels, options);
}
Layer BatchNorm2d(int64_t channels, const BatchNormOptions& options) {
  return BatchNorm("BatchNorm2d", channels, options);
}

Layer LayerNorm(int64_t width, const LayerNormOptions& options) {
  const Parameter weight({width}, init::Ones());
  const Attributes attributes = {{"epsilon", options.epsilon}};
  if (!options.bias)
    return Layer("LayerNorm", {{"weight", weight}}, [=](const Variable& x) {
      return Apply("layer_norm", {x, x.model().Read(weight)}, attributes);
    });
  const Parameter bias({width}, init::Zeros());
  return Layer("LayerNorm", {{"weight", weight}, {"bias", bias}}, [=](const Variable& x) {
    return Apply("layer_norm", {x, x.model().Read(weight), x.model().Read(bias)}, attributes);
  });
}

Layer Dropout(double rate) { return RandomlyZero("Dropout", "dropout", rate); }
Layer Dropout2d(double rate) { return RandomlyZero("Dropout2d", "dropout2d", rate); }

}  // namespace descent::nn
