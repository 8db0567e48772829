// What reads a row to say something about all of it: sums, softmax, layer norm, and their
// gradients.

#include <fmt/format.h>

#include "tests/benchmark/micro/peers.h"

namespace descent::bench {
namespace {

GraphCase Case(const char* name, int64_t rows, int64_t columns, const char* call,
               std::vector<PeerMaker> peers, const char* gradient = "") {
  return {.name = fmt::format("row/{}/{}x{}", name, rows, columns),
          .body = fmt::format("input x: f32[{}, {}]\ny = {}\noutput y", rows, columns, call),
          .gradient = gradient,
          .peers = std::move(peers)};
}

}  // namespace

std::vector<GraphCase> RowCases() {
  std::vector<GraphCase> cases;
  for (const auto& [rows, columns] :
       {std::pair<int64_t, int64_t>{128, 10}, {256, 768}, {768, 64}, {256, 50257}}) {
    cases.push_back(Case("sum", rows, columns, "sum(x, axes=[1])", {OneDnnSum(rows, columns, 1)}));
    cases.push_back(
        Case("sum_columns", rows, columns, "sum(x, axes=[0])", {OneDnnSum(rows, columns, 0)}));
    cases.push_back(Case("softmax", rows, columns, "softmax(x)", {OneDnnSoftmax(rows, columns)}));
    cases.push_back(Case("softmax_gradient", rows, columns, "softmax(x)", {}, "x"));
    cases.push_back(
        Case("layer_norm", rows, columns, "layer_norm(x)", {OneDnnLayerNorm(rows, columns)}));
    cases.push_back(Case("layer_norm_gradient", rows, columns, "layer_norm(x)", {}, "x"));
  }
  return cases;
}

}  // namespace descent::bench
