#include "tests/benchmark/micro/peers.h"

namespace descent::bench {

PeerMaker Loop(int64_t outputs, std::function<void(const Inputs&, float* output)> compute) {
  return [=](const Inputs& inputs) -> std::optional<Peer> {
    auto data = std::make_shared<Inputs>(inputs);
    auto output = std::make_shared<std::vector<float>>(outputs);
    return Peer{.name = "loop",
                .run = [=] { compute(*data, output->data()); },
                .result = [=] { return *output; }};
  };
}

}  // namespace descent::bench
