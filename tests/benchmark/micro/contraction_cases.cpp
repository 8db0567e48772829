// Matrix products: squares, those of a training step of a 784-512-512-10 network at batch 128, and
// of a Transformer of width 768 on 256 tokens.

#include <fmt/format.h>

#include "tests/benchmark/micro/peers.h"

namespace descent::bench {
namespace {

GraphCase Case(const MatmulSizes& s) {
  const auto matrix = [](const char* name, int64_t rows, int64_t columns, bool transposed) {
    return fmt::format("input {}: f32[{}, {}]\n", name, transposed ? columns : rows,
                       transposed ? rows : columns);
  };
  return {.name = fmt::format("contraction/{}x{}x{}/{}{}", s.m, s.n, s.k, s.transpose_a ? 'T' : 'N',
                              s.transpose_b ? 'T' : 'N'),
          .body = matrix("a", s.m, s.k, s.transpose_a) + matrix("b", s.k, s.n, s.transpose_b) +
                  fmt::format("y = matmul(a, b, transpose_a={}, transpose_b={})\noutput y",
                              s.transpose_a, s.transpose_b),
          .peers = {OpenBlasMatmul(s), OneDnnMatmul(s)}};
}

}  // namespace

std::vector<GraphCase> ContractionCases() {
  std::vector<GraphCase> cases;
  for (const int64_t n : {17, 32, 64, 128, 256, 512, 1024, 2048}) cases.push_back(Case({n, n, n}));
  for (const MatmulSizes& sizes : {MatmulSizes{128, 512, 784},
                                   {128, 512, 512},
                                   {128, 10, 512},
                                   {128, 512, 10, false, true},
                                   {128, 512, 512, false, true},
                                   {784, 512, 128, true},
                                   {512, 512, 128, true},
                                   {512, 10, 128, true},
                                   {1, 512, 512},
                                   {256, 3072, 768},
                                   {256, 768, 3072},
                                   {256, 768, 3072, false, true},
                                   {768, 3072, 256, true}})
    cases.push_back(Case(sizes));
  return cases;
}

}  // namespace descent::bench
