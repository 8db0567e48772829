// Layers made of layers.

#include "frontends/cpp/layers.h"

namespace descent::nn {

Layer Sequential(const std::vector<Layer>& layers) {
  std::vector<Member> members;
  for (size_t i = 0; i < layers.size(); ++i) members.push_back({fmt::format("{}", i), layers[i]});
  return Layer("Sequential", std::move(members), [layers](const Variable& x) {
    Variable y = x;
    for (const Layer& layer : layers) y = layer(y);
    return y;
  });
}

Layer Residual(const Layer& body, const Layer& shortcut) {
  return Layer("Residual", {{"body", body}, {"shortcut", shortcut}},
               [=](const Variable& x) { return shortcut(x) + body(x); });
}

}  // namespace descent::nn
