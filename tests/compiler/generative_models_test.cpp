// Small networks that make data, most of which draw random numbers in every step, trained: the
// interpreter's values, and losses that fall.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ir/interpreter.h"
#include "tests/compiler/compiled_entry.h"
#include "tests/compiler/kernel/lowering_harness.h"
#include "tests/compiler/state_slots.h"

namespace descent {
namespace {

struct Network {
  const char* name;
  const char* text;
  /// Whether the first loss falls; of two players' losses none needs to.
  bool falls = true;
};
void PrintTo(const Network& network, std::ostream* out) { *out << network.name; }

constexpr Network kNetworks[] = {
    {"Autoencoder", R"(model autoencoder {
      batch 8
      input x: f32[batch, 12] from features
      parameter We: f32[8, 12] = glorot_uniform
      parameter be: f32[8] = zeros
      parameter Wc: f32[8, 3] = glorot_uniform
      parameter Wd: f32[8, 3] = glorot_uniform
      parameter bd: f32[8] = zeros
      parameter Wo: f32[8, 12] = glorot_uniform
      e = linear(x, We, be)
      h = tanh(e)
      code = matmul(h, Wc)
      d = linear(code, Wd, bd)
      g = tanh(d)
      restored = matmul(g, Wo)
      loss = mse(restored, x)
      predict restored
      train loss with adam(learning_rate=0.02)
    })"},
    {"VariationalAutoencoder", R"(model vae {
      batch 8
      input x: f32[batch, 12] from features
      parameter We: f32[12, 16] = he_uniform
      parameter Wm: f32[16, 3] = glorot_uniform
      parameter Wv: f32[16, 3] = glorot_uniform
      parameter Wd: f32[3, 16] = he_uniform
      parameter Wo: f32[16, 12] = glorot_uniform
      e = matmul(x, We)
      h = relu(e)
      mean = matmul(h, Wm)
      log_variance = matmul(h, Wv)
      half = mul(log_variance, 0.5)
      deviation = exp(half)
      noise = normal(mean, stream=1)
      scaled = mul(deviation, noise)
      z = add(mean, scaled)
      d = matmul(z, Wd)
      g = relu(d)
      logits = matmul(g, Wo)
      positive = greater(x, 0.0)
      share = cast(positive, to=f32)
      reconstruction = bce_with_logits(logits, share, reduction=sum)
      variance = exp(log_variance)
      squares = square(mean)
      moments = add(variance, squares)
      without_log = sub(moments, log_variance)
      terms = sub(without_log, 1.0)
      twice = sum(terms)
      kl = mul(twice, 0.5)
      total = add(reconstruction, kl)
      loss = div(total, 8.0)
      predict logits
      train loss with adam(learning_rate=0.02)
    })"},
    {"Adversaries", R"(model gan {
      batch 8
      input real: f32[batch, 4] from features
      parameter gen.W1: f32[3, 8] = he_uniform
      parameter gen.W2: f32[8, 4] = glorot_uniform
      parameter critic.W1: f32[4, 8] = he_uniform
      parameter critic.W2: f32[8, 1] = glorot_uniform
      z = normal(shape=[8, 3], stream=2)
      g1 = matmul(z, gen.W1)
      g2 = relu(g1)
      fake = matmul(g2, gen.W2)
      r1 = matmul(real, critic.W1)
      r2 = leaky_relu(r1, slope=0.2)
      r3 = dropout(r2, rate=0.25, stream=3)
      of_real = matmul(r3, critic.W2)
      f1 = matmul(fake, critic.W1)
      f2 = leaky_relu(f1, slope=0.2)
      f3 = dropout(f2, rate=0.25, stream=4)
      of_fake = matmul(f3, critic.W2)
      zeros8: f32[8, 1] = 0.0
      ones8: f32[8, 1] = 1.0
      lr = bce_with_logits(of_real, ones8)
      lf = bce_with_logits(of_fake, zeros8)
      critic_loss = add(lr, lf)
      gen_loss = bce_with_logits(of_fake, ones8)
      predict fake
      train critic_loss with adam(learning_rate=0.02, beta1=0.5) over "critic.*"
      train gen_loss with momentum(learning_rate=0.05) over "gen.*"
    })",
     false},
    {"Diffusion", R"(model diffusion {
      batch 8
      input x: f32[batch, 6] from features
      parameter times: f32[10, 16] = random_normal
      parameter W1: f32[6, 16] = he_uniform
      parameter W2: f32[16, 6] = glorot_uniform
      kept: f32[10] = [0.99, 0.95, 0.88, 0.78, 0.66, 0.53, 0.4, 0.28, 0.18, 0.1]
      t = randint(shape=[8], high=10, stream=1)
      noise = normal(x, stream=2)
      chosen = gather(kept, t)
      a = reshape(chosen, shape=[8, 1])
      signal = sqrt(a)
      b = sub(1.0, a)
      spread = sqrt(b)
      xs = mul(signal, x)
      ns = mul(spread, noise)
      noisy = add(xs, ns)
      embedded = gather(times, t)
      h0 = matmul(noisy, W1)
      h1 = add(h0, embedded)
      h = tanh(h1)
      predicted = matmul(h, W2)
      loss = mse(predicted, noise)
      predict predicted
      train loss with adam(learning_rate=0.02)
    })"},
    {"PolicyGradient", R"(model policy {
      batch 8
      input state: f32[batch, 5] from features
      input rewards: f32[batch, 3] from label
      parameter W1: f32[5, 16] = he_uniform
      parameter W2: f32[16, 3] = glorot_uniform
      h0 = matmul(state, W1)
      h = tanh(h0)
      logits = matmul(h, W2)
      action = categorical(logits, stream=1)
      taken = one_hot(action, depth=3, dtype=f32)
      each = mul(rewards, taken)
      reward = sum(each, axes=[1])
      baseline = mean(rewards, axes=[1])
      advantage = sub(reward, baseline)
      log_p = log_softmax(logits)
      surprise = nll(log_p, action, reduction=none)
      weighted = mul(advantage, surprise)
      loss = mean(weighted)
      predict logits
      train loss with sgd(learning_rate=0.1)
    })",
     false},
};

class TrainedNetworks : public testing::TestWithParam<Network> {};
INSTANTIATE_TEST_SUITE_P(All, TrainedNetworks, testing::ValuesIn(kNetworks),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(TrainedNetworks, TrainAsTheInterpreterDoes) {
  const Model model = OptimizedModel(GetParam().text, "train_step");
  ASSERT_FALSE(model.graph.outputs().empty());
  ExpectSameAsInterpreter(model, 2e-4, CompiledRunner());
}

/// State slots after `initialize`.
std::vector<std::byte> InitialState(const KernelProgram& program, const char* text) {
  std::vector<std::byte> state(program.state_bytes);
  const Model initialize = OptimizedModel(text, "initialize");
  std::vector<Tensor> inputs;
  for (const NamedValue& input : initialize.graph.inputs())
    inputs.push_back(Tensor::Full(initialize.graph.type(input.value), 5));
  const auto run = Interpret(initialize.graph, inputs, {.seed = 5});
  EXPECT_TRUE(run) << run.error().message;
  for (const StateSlot& slot : program.state) {
    const NamedValue* next = initialize.graph.FindOutput("next." + slot.name);
    if (next == nullptr) continue;
    WriteSlot(state, slot, run->outputs[next - initialize.graph.outputs().data()]);
  }
  return state;
}

/// Means of the loss over the first and the last tenth of 200 steps on one batch.
std::pair<double, double> FirstAndLastLoss(const char* text) {
  const Model model = OptimizedModel(text, "train_step");
  const Lowered lowered = LowerModel(model, true);
  std::vector<std::byte> state = InitialState(lowered.program, text);
  std::vector<Tensor> data;
  for (const InputBinding& input : model.inputs) data.push_back(RandomTensor(input.type, 9));
  const ProgramRunner run = CompiledRunner();
  double first = 0, last = 0;
  for (int step = 0; step < 200; ++step) {
    const double loss = run(lowered.program, state, data, 8).outputs[0].GetDouble(0);
    EXPECT_TRUE(std::isfinite(loss)) << "step " << step;
    if (step < 20) first += loss / 20;
    if (step >= 180) last += loss / 20;
  }
  return {first, last};
}

TEST(GenerativeModels, LowerTheirLossOnOneBatch) {
  for (const Network& network : kNetworks) {
    SCOPED_TRACE(network.name);
    const auto [first, last] = FirstAndLastLoss(network.text);
    if (network.falls) {
      EXPECT_LT(last, 0.8 * first);
    }
  }
}

}  // namespace
}  // namespace descent
