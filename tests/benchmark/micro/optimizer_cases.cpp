// Updates of one parameter whose gradient is read from memory: bytes decide, so GB/s is what
// counts.

#include <fmt/format.h>

#include "tests/benchmark/micro/micro_bench.h"

namespace descent::bench {

std::vector<GraphCase> OptimizerCases() {
  constexpr const char* kOptimizers[] = {
      "sgd(learning_rate=0.01)", "momentum(learning_rate=0.01)", "adam(learning_rate=0.001)",
      "adamw(learning_rate=0.001, weight_decay=0.01)", "rmsprop(learning_rate=0.001)"};
  std::vector<GraphCase> cases;
  for (const std::string_view optimizer : kOptimizers)
    for (const int64_t count : {int64_t{1} << 14, int64_t{1} << 22})
      cases.push_back(
          {.name = fmt::format("optimizer/{}/{}", optimizer.substr(0, optimizer.find('(')), count),
           .body = fmt::format("input g: f32[{0}] from features\nparameter w: f32[{0}] = ones\n"
                               "p = mul(w, g)\nloss = sum(p)\npredict p\ntrain loss with {1}",
                               count, optimizer)});
  return cases;
}

}  // namespace descent::bench
