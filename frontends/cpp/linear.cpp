// Affine maps, and rows of tables.

#include "frontends/cpp/initializers.h"
#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"

namespace descent::nn {

Layer Linear(int64_t in, int64_t out, const LinearOptions& options) {
  const Parameter weight = options.weight.value_or(Parameter({out, in}, init::FanIn(in)));
  if (!options.bias)
    return Layer("Linear", {{"weight", weight}},
                 [=](const Variable& x) { return Apply("linear", {x, x.model().Read(weight)}); });
  const Parameter bias({out}, init::FanIn(in));
  return Layer("Linear", {{"weight", weight}, {"bias", bias}}, [=](const Variable& x) {
    return Apply("linear", {x, x.model().Read(weight), x.model().Read(bias)});
  });
}

Layer Embedding(int64_t count, int64_t width) {
  const Parameter weight({count, width}, init::Normal(0, 1));
  return Layer("Embedding", {{"weight", weight}},
               [=](const Variable& x) { return Apply("embedding", {x.model().Read(weight), x}); });
}

}  // namespace descent::nn
