// Attention of 8 heads of width 64, and its gradient to the queries alone and to the values, which
// is one with that to the keys.

#include <fmt/format.h>

#include "tests/benchmark/micro/micro_bench.h"

namespace descent::bench {

std::vector<GraphCase> AttentionCases() {
  std::vector<GraphCase> cases;
  for (const bool causal : {false, true})
    for (const int64_t length : {64, 256, 1024})
      for (const char* gradient : {"", "q", "v"})
        cases.push_back(
            {.name = fmt::format("attention/{}/{}{}",
                                 *gradient == '\0' ? "forward" : fmt::format("d{}", gradient),
                                 length, causal ? "/causal" : ""),
             .body = fmt::format("input q: f32[8, {0}, 64]\ninput k: f32[8, {0}, 64]\n"
                                 "input v: f32[8, {0}, 64]\ny: f32[8, {0}, 64], s: f32[8, {0}] = "
                                 "scaled_dot_product_attention(q, k, v, causal={1})\noutput y",
                                 length, causal),
             .gradient = gradient});
  return cases;
}

}  // namespace descent::bench
