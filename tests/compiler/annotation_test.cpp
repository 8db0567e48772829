// Recomputation, compiled: less memory, the same bits. Assertions: no kernels of their own, and
// named.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tests/compiler/compiled_entry.h"
#include "tests/compiler/state_slots.h"

namespace descent {
namespace {

constexpr int kLayers = 12, kSegment = 3, kBatch = 64, kWidth = 32;

std::string Layer(const std::string& from, const std::string& to, int layer) {
  return fmt::format("  m{0} = matmul({1}, w{0})\n  z{0} = add(m{0}, b{0})\n  {2} = tanh(z{0})\n",
                     layer, from, to);
}

/// Layers [first, first + kSegment) from h<first> to h<first + kSegment>, in a body.
std::string Segment(int first) {
  const std::string h = fmt::format("h{}", first), end = fmt::format("h{}", first + kSegment);
  std::string operands = h, parameters = fmt::format("{}: f32[{}, {}]", h, kBatch, kWidth), body;
  for (int layer = first; layer < first + kSegment; ++layer) {
    operands += fmt::format(", w{0}, b{0}", layer);
    parameters += fmt::format(", w{0}: f32[{1}, {1}], b{0}: f32[{1}]", layer, kWidth);
    body += Layer(fmt::format("h{}", layer), fmt::format("h{}", layer + 1), layer);
  }
  return fmt::format("  {} = checkpoint({}) body({}) {{\n{}  return {}\n  }}\n", end, operands,
                     parameters, body, end);
}

std::string DeepModel(bool checkpoints) {
  std::string text = fmt::format(
      "model deep {{\n  batch {0}\n  input h0: f32[batch, {1}] from features\n"
      "  input y: f32[batch, {1}] from label\n",
      kBatch, kWidth);
  for (int layer = 0; layer < kLayers; ++layer)
    text += fmt::format(
        "  parameter w{0}: f32[{1}, {1}] = he_uniform\n  parameter b{0}: f32[{1}] = zeros\n", layer,
        kWidth);
  for (int layer = 0; layer < kLayers; ++layer) {
    if (!checkpoints)
      text += Layer(fmt::format("h{}", layer), fmt::format("h{}", layer + 1), layer);
    else if (layer % kSegment == 0)
      text += Segment(layer);
  }
  return text +
         fmt::format("  loss = mse(h{}, y)\n  train loss with adam(learning_rate=0.01)\n}}\n",
                     kLayers);
}

struct Trained {
  int64_t arena_bytes;
  std::vector<std::byte> state;
};

Trained TrainThreeSteps(const std::string& text) {
  const Lowered lowered = LowerModel(OptimizedModel(text, "train_step"), true);
  const KernelProgram& program = lowered.program;
  const EntryProgram& entry = program.entries[0];
  Trained trained{entry.arena_bytes, std::vector<std::byte>(program.state_bytes)};
  uint64_t seed = 1;
  for (const StateSlot& slot : program.state)
    if (slot.trainable) WriteSlot(trained.state, slot, RandomTensor(slot.type, ++seed));
  std::vector<Tensor> inputs;
  for (const EntryInput& input : entry.inputs)
    inputs.push_back(RandomTensor(entry.buffers[input.buffer].type, ++seed));
  const ProgramRunner run = CompiledRunner();
  for (int step = 0; step < 3; ++step) run(program, trained.state, inputs, kBatch);
  return trained;
}

TEST(Checkpoint, ADeepModelsStepNeedsLessMemoryAndGivesTheSameBits) {
  const Trained kept = TrainThreeSteps(DeepModel(false));
  const Trained recomputed = TrainThreeSteps(DeepModel(true));
  EXPECT_EQ(recomputed.state, kept.state);
  // Of every three hidden layers one is kept; the segment at hand is there as a whole.
  const int64_t layer_bytes = int64_t{kBatch} * kWidth * 4;
  EXPECT_LE(recomputed.arena_bytes, kept.arena_bytes - 4 * layer_bytes);
}

constexpr int kSteps = 64, kRows = 8, kHidden = 16;

/// A recurrent network; `every`: iterations of a segment, 0 for a plain scan.
std::string RecurrentModel(int every) {
  const std::string shape = fmt::format("f32[{}, {}]", kRows, kHidden);
  const std::string loop =
      every == 0
          ? "h, _ = scan(h0, s, w, carried=1, sliced=1)"
          : fmt::format("h = checkpointed_scan(h0, s, w, every={}, carried=1, sliced=1)", every);
  return fmt::format(R"(model recurrent {{
    batch {0}
    input x: f32[batch, {1}, {2}] from features
    input y: f32[batch, {2}] from label
    parameter w: f32[{2}, {2}] = he_uniform
    s = transpose(x, permutation=[1, 0, 2])
    h0: {3} = 0.5
    {4} body(h: {3}, x: {3}, w: f32[{2}, {2}]) {{
      m = matmul(h, w)
      z = add(m, x)
      n = tanh(z)
      return n
    }}
    loss = mse(h, y)
    train loss with sgd(learning_rate=0.1)
  }})",
                     kRows, kSteps, kHidden, shape, loop);
}

TEST(Checkpoint, AScanInSegmentsKeepsLess) {
  const Trained kept = TrainThreeSteps(RecurrentModel(0));
  const Trained recomputed = TrainThreeSteps(RecurrentModel(8));
  // Of the history's 64 values 8 are kept, and 8 of the segment at hand.
  const int64_t value_bytes = int64_t{kRows} * kHidden * 4;
  EXPECT_LE(recomputed.arena_bytes, kept.arena_bytes - 40 * value_bytes);
  ASSERT_EQ(recomputed.state.size(), kept.state.size());
  for (size_t at = 0; at + 4 <= kept.state.size(); at += 4) {
    float a, b;
    std::memcpy(&a, recomputed.state.data() + at, 4);
    std::memcpy(&b, kept.state.data() + at, 4);
    ASSERT_NEAR(a, b, 1e-4 * std::max(1.0f, std::abs(b))) << "at byte " << at;
  }
}

TEST(Checkpoint, LeavesNoKernelForwardOrBackward) {
  const std::string model = R"(model f {
    input x: f64[8]
    y = checkpoint(x) body(x: f64[8]) {
      s = sin(x)
      c = cos(s)
      return c
    }
    z = stop_gradient(y)
    output z
  })";
  EXPECT_EQ(LowerModel(OptimizedModel(model, "run"), true).call_count, 1);
}

/// The status word of the model's first run over `inputs`, and the entry point's assertions.
struct Reported {
  uint32_t status;
  std::vector<std::string> assertions;
};

Reported RunOnce(const std::string& text, const std::vector<double>& x) {
  const Lowered lowered = LowerModel(OptimizedModel(text, "run"), true);
  const auto jit = JitProgram::Load(lowered.program, *ResolveTarget("native").value());
  EXPECT_TRUE(jit) << jit.error().message;
  const descent_entry& entry = jit->program().entries[0];
  std::vector<float> input(x.begin(), x.end()), output(x.size());
  const void* inputs[] = {input.data()};
  void* outputs[] = {output.data()};
  alignas(64) std::byte state[256] = {}, scratch[4096];
  EXPECT_LE(entry.fixed_scratch_bytes + entry.worker_scratch_bytes, 4096);
  const descent_call call = {state, scratch, inputs, outputs, 0, nullptr};
  Reported reported{entry.run(&call), {}};
  for (int64_t i = 0; i < entry.assertion_count; ++i)
    reported.assertions.emplace_back(entry.assertions[i]);
  return reported;
}

TEST(AssertFinite, FusesAndNamesTheFirstThatFails) {
  const std::string model = R"(model f {
    input x: f32[4]
    logarithm = log(x)
    a = assert_finite(logarithm)
    squares = square(a)
    s = sum(squares)
    total = assert_finite(s)
    y = mul(a, total)
    output y
  })";
  const auto asserted = [&](const std::vector<double>& x) {
    const Reported reported = RunOnce(model, x);
    const uint32_t number = reported.status >> DESCENT_STATUS_ASSERTION_SHIFT;
    EXPECT_EQ((reported.status & DESCENT_STATUS_NOT_FINITE) != 0, number != 0);
    return number == 0 ? "" : reported.assertions.at(number - 1);
  };
  EXPECT_EQ(asserted({1, 2, 3, 4}), "");
  EXPECT_NE(asserted({1, 2, 0, 4}).find("logarithm"), std::string::npos);
  EXPECT_NE(asserted({1, 2, 3, -1}).find("logarithm"), std::string::npos);
}

TEST(AssertFinite, IsCheckedAtEveryPointWhateverIsRead) {
  const std::string model = R"(model f {
    input x: f32[4]
    a = assert_finite(x)
    first = slice(a, starts=[0], stops=[1], steps=[1])
    y = expand(first, shape=[4])
    output y
  })";
  EXPECT_EQ(RunOnce(model, {1, 2, 3, 4}).status, 0u);
  EXPECT_EQ(RunOnce(model, {1, 2, 3, INFINITY}).status,
            DESCENT_STATUS_NOT_FINITE | 1u << DESCENT_STATUS_ASSERTION_SHIFT);
}

}  // namespace
}  // namespace descent
