#include "tests/benchmark/micro/peers.h"

#ifdef DESCENT_WITH_OPENBLAS
#include <cblas.h>
#endif

namespace descent::bench {

PeerMaker OpenBlasMatmul([[maybe_unused]] const MatmulSizes& sizes) {
#ifdef DESCENT_WITH_OPENBLAS
  return [sizes](const Inputs& inputs) -> std::optional<Peer> {
    auto data = std::make_shared<Inputs>(inputs);
    auto output = std::make_shared<std::vector<float>>(sizes.m * sizes.n);
    const auto run = [=] {
      const auto [m, n, k, transpose_a, transpose_b] = sizes;
      cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
                  transpose_b ? CblasTrans : CblasNoTrans, static_cast<int>(m), static_cast<int>(n),
                  static_cast<int>(k), 1, data->at("a").data(),
                  static_cast<int>(transpose_a ? m : k), data->at("b").data(),
                  static_cast<int>(transpose_b ? k : n), 0, output->data(), static_cast<int>(n));
    };
    return Peer{.name = "OpenBLAS", .run = run, .result = [=] { return *output; }};
  };
#else
  return [](const Inputs&) { return std::nullopt; };
#endif
}

}  // namespace descent::bench
