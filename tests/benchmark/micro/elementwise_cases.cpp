// One operation an element, in the first caches and in memory.

#include <fmt/format.h>

#include "tests/benchmark/micro/peers.h"

namespace descent::bench {
namespace {

struct Unary {
  const char* name;
  const char* call;
  std::optional<Activation> activation;
  std::optional<Function> function;
  bool positive = false;
};

const Unary kUnaries[] = {
    {"relu", "relu(x)", Activation::kRelu, {}},
    {"exp", "exp(x)", Activation::kExp, Function::kExp},
    {"tanh", "tanh(x)", Activation::kTanh, Function::kTanh},
    {"sigmoid", "sigmoid(x)", Activation::kSigmoid, Function::kSigmoid},
    {"log", "log(x)", Activation::kLog, Function::kLog, true},
    {"erf", "erf(x)", {}, Function::kErf},
    {"gelu", "gelu(x)", Activation::kGeluErf, Function::kGeluErf},
    {"gelu_tanh", "gelu(x, approximate=tanh)", Activation::kGeluTanh, Function::kGeluTanh},
};

GraphCase Case(const Unary& unary, int64_t count) {
  GraphCase c = {.name = fmt::format("elementwise/{}/{}", unary.name, count),
                 .body = fmt::format("input x: f32[{}]\ny = {}\noutput y", count, unary.call),
                 .positive = unary.positive};
  if (unary.function) c.peers.push_back(SleefFunction(*unary.function));
  if (unary.activation) c.peers.push_back(OneDnnActivation(*unary.activation, count));
  return c;
}

GraphCase AddCase(int64_t count) {
  return {
      .name = fmt::format("elementwise/add/{}", count),
      .body = fmt::format("input x: f32[{0}]\ninput z: f32[{0}]\ny = add(x, z)\noutput y", count),
      .peers = {Loop(count, [count](const Inputs& inputs, float* y) {
        const float *a = inputs.at("x").data(), *b = inputs.at("z").data();
        for (int64_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
      })}};
}

}  // namespace

std::vector<GraphCase> ElementwiseCases() {
  std::vector<GraphCase> cases;
  for (const int64_t count : {int64_t{4096}, int64_t{1} << 22}) {
    for (const Unary& unary : kUnaries) cases.push_back(Case(unary, count));
    cases.push_back(AddCase(count));
  }
  return cases;
}

}  // namespace descent::bench
