// Layers that apply a function to each element.

#include "frontends/cpp/layers.h"

namespace descent::nn {
namespace {

Layer Elementwise(const char* kind, const char* op, const Attributes& attributes = {}) {
  return Layer(kind, [=](const Variable& x) { return Apply(op, {x}, attributes); });
}

}  // namespace

Layer Identity() { return {}; }
Layer ReLU() { return Elementwise("ReLU", "relu"); }
Layer ReLU6() { return Elementwise("ReLU6", "relu6"); }
Layer LeakyReLU(double slope) { return Elementwise("LeakyReLU", "leaky_relu", {{"slope", slope}}); }
Layer GELU(const std::string& approximate) {
  return Elementwise("GELU", "gelu", {{"approximate", approximate}});
}
Layer SiLU() { return Elementwise("SiLU", "silu"); }
Layer Sigmoid() { return Elementwise("Sigmoid", "sigmoid"); }
Layer Tanh() { return Elementwise("Tanh", "tanh"); }

}  // namespace descent::nn
