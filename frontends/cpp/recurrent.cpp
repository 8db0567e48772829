// Recurrent layers: scans over the steps of sequences.

#include "frontends/cpp/initializers.h"
#include "frontends/cpp/layers.h"
#include "frontends/cpp/model_builder.h"

namespace descent::nn {
namespace {

/// Parameters in PyTorch's order: w_ih, w_hh, b_ih, b_hh of each layer and direction.
std::vector<Member> RecurrentParameters(int64_t gates, int64_t in, int64_t hidden,
                                        const RecurrentOptions& options) {
  const int64_t directions = options.bidirectional ? 2 : 1;
  std::vector<Member> members;
  const auto add = [&](const char* name, const std::string& suffix, Shape shape) {
    members.push_back({name + suffix, Parameter(std::move(shape), init::FanIn(hidden))});
  };
  for (int64_t layer = 0; layer < options.num_layers; ++layer) {
    for (int64_t direction = 0; direction < directions; ++direction) {
      const std::string suffix = fmt::format("_l{}{}", layer, direction == 1 ? "_reverse" : "");
      add("weight_ih", suffix, {gates * hidden, layer == 0 ? in : directions * hidden});
      add("weight_hh", suffix, {gates * hidden, hidden});
      if (!options.bias) continue;
      add("bias_ih", suffix, {gates * hidden});
      add("bias_hh", suffix, {gates * hidden});
    }
  }
  return members;
}

Layer Recurrent(const char* kind, const char* op, int64_t gates, int64_t in, int64_t hidden,
                const RecurrentOptions& options) {
  const std::vector<Member> members = RecurrentParameters(gates, in, hidden, options);
  const Attributes attributes = {{"num_layers", options.num_layers},
                                 {"bidirectional", options.bidirectional},
                                 {"bias", options.bias},
                                 {"batch_first", options.batch_first}};
  return Layer(kind, members, [=](const Variable& x) {
    std::vector<Variable> operands = {x};
    for (const Member& member : members)
      operands.push_back(x.model().Read(std::get<Parameter>(member.what)));
    return Apply(op, operands, attributes);
  });
}

}  // namespace

Layer LSTM(int64_t in, int64_t hidden, const RecurrentOptions& options) {
  return Recurrent("LSTM", "lstm", 4, in, hidden, options);
}
Layer GRU(int64_t in, int64_t hidden, const RecurrentOptions& options) {
  return Recurrent("GRU", "gru", 3, in, hidden, options);
}
Layer RNN(int64_t in, int64_t hidden, const RecurrentOptions& options) {
  return Recurrent("RNN", "rnn", 1, in, hidden, options);
}

}  // namespace descent::nn
