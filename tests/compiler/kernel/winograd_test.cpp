// Winograd's way to convolutions and their gradients against the interpreter's, and which
// computations take it.
#include "compiler/kernel/winograd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "compiler/graph/pipeline.h"
#include "ir/autodiff.h"
#include "ir/expr.h"
#include "ir/interpreter.h"
#include "tests/compiler/kernel/lowering_harness.h"
#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

using Ints = std::vector<int64_t>;

struct Sample {
  Shape x, w;
  Attributes attributes;
};

/// y of x and w, its gradients dx and dw for an arriving `g`, and what a ReLU makes of y. `pooled`:
/// g is the gradient of the mean of y, equal for all pixels.
Model Convolution(const Sample& sample, bool pooled = false) {
  GraphBuilder b;
  const Value x = b.Input("x", F64(sample.x)), w = b.Input("w", F64(sample.w));
  const Value y = b.Add("conv2d", {x, w}, sample.attributes);
  const Value seen = pooled ? b.Add("global_avg_pool", {y}) : y;
  const Value g = b.Input("g", b.type(seen));
  const Cotangent arriving{seen, g};
  const Value wanted[] = {x, w};
  const auto gradients = ReverseWalk(b, {&arriving, 1}, wanted);
  DESCENT_CHECK(gradients.has_value(), "a convolution has gradients");
  b.Output("y", y);
  b.Output("positive", b.Add("relu", {y}));
  b.Output("dx", (*gradients)[0]);
  b.Output("dw", (*gradients)[1]);
  return RunModel(std::move(b).Build());
}

Model Expanded(const Model& model) {
  auto expanded = RunPasses(model, StandardPasses(model), {.pass = {.entry = model.entry}});
  DESCENT_CHECK(expanded.has_value(), expanded.error().ToString());
  return *std::move(expanded);
}

int64_t Replaced(const KernelProgram& program) {
  return std::ranges::count_if(program.entries[0].buffers, [](const Buffer& buffer) {
    return buffer.name.ends_with(".winograd_products");
  });
}

/// Compares with the interpreter, to the last digits but a few; returns how many contractions were
/// replaced.
int64_t ExpectSame(const Sample& sample, bool fuse = true, bool pooled = false) {
  const Model model = Convolution(sample, pooled);
  std::vector<Tensor> inputs;
  for (const NamedValue& input : model.graph.inputs())
    inputs.push_back(RandomTensor(model.graph.type(input.value), inputs.size() + 1));
  const auto expected = Interpret(model.graph, inputs);
  if (!expected) {
    ADD_FAILURE() << expected.error().message;
    return 0;
  }
  const Lowered lowered = LowerModel(Expanded(model), fuse, {}, Winograd::kWhereverItCan);
  std::vector<std::byte> state(lowered.program.state_bytes);
  const ProgramRun run = RunProgram(lowered.program, lowered.program.entries[0], state, inputs, 2);
  for (size_t i = 0; i < run.outputs.size(); ++i)
    ExpectClose(run.outputs[i], expected->outputs[i], 1e-12, model.graph.outputs()[i].name);
  return Replaced(lowered.program);
}

int64_t Between(std::mt19937_64& random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
}

/// By a 3x3 filter with steps of 1; images of any size, padded on either side or cut.
Sample RandomSample(uint64_t seed) {
  std::mt19937_64 random(seed);
  const bool last = random() % 2 == 0;
  const int64_t rows = Between(random, 1, 3), in = Between(random, 2, 9),
                out = Between(random, 2, 9);
  const int64_t height = Between(random, 4, 9), width = Between(random, 4, 9);
  Ints padding;
  for (int side = 0; side < 4; ++side) padding.push_back(Between(random, 0, 2));
  Sample sample{.x = {rows, in, height, width}, .w = {out, in, 3, 3}, .attributes = {}};
  if (last) sample.x = {rows, height, width, in};
  sample.attributes = {{"padding", padding}, {"layout", std::string(last ? "nhwc" : "nchw")}};
  return sample;
}

TEST(Winograd, GivesWhatTheSumsOfProductsGive) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const Sample sample = RandomSample(seed);
    SCOPED_TRACE(fmt::format("seed {}: {} {}", seed, ToString(sample.x), ToString(sample.w)));
    EXPECT_EQ(ExpectSame(sample, seed % 2 == 0), 3);
    if (HasFailure()) return;
  }
}

/// With many channels tensors lie channels last, and filters as well.
TEST(Winograd, FollowsTheLayout) {
  EXPECT_EQ(ExpectSame({{2, 16, 7, 6}, {24, 16, 3, 3}, {{"padding", Ints{1, 1, 1, 1}}}}), 3);
}

/// What is the same for all pixels has no pixels that fill up the last tiles.
TEST(Winograd, GradientsThatPixelsShareStayAsTheyAre) {
  EXPECT_EQ(ExpectSame({{2, 4, 5, 7}, {6, 4, 3, 3}, {{"padding", Ints{1, 1, 1, 1}}}}, true, true),
            1);
}

TEST(Winograd, OtherWindowsStayAsTheyAre) {
  const Shape x = {2, 4, 8, 8};
  EXPECT_EQ(ExpectSame({x, {4, 4, 3, 3}, {{"stride", Ints{2, 2}}}}), 0);
  EXPECT_EQ(ExpectSame({x, {4, 4, 3, 3}, {{"stride", Ints{1, 2}}}}), 0);
  EXPECT_EQ(ExpectSame({x, {4, 4, 3, 3}, {{"dilation", Ints{2, 2}}}}), 0);
  EXPECT_EQ(ExpectSame({x, {4, 4, 5, 3}, {}}), 0);
  EXPECT_EQ(ExpectSame({x, {4, 4, 1, 1}, {}}), 0);
  EXPECT_EQ(ExpectSame({x, {4, 2, 3, 3}, {{"groups", int64_t{2}}}}), 0);
}

int64_t ReplacedWherePaying(const Sample& sample) {
  return Replaced(LowerModel(Expanded(Convolution(sample)), true).program);
}

/// Many channels make up for what the transformations move; images of few tiles don't make up for
/// those of the filters.
TEST(Winograd, IsTakenWhereItPays) {
  const Attributes same = {{"padding", Ints{1, 1, 1, 1}}};
  EXPECT_EQ(ReplacedWherePaying({{32, 256, 8, 8}, {256, 256, 3, 3}, same}), 3);
  EXPECT_EQ(ReplacedWherePaying({{32, 16, 32, 32}, {16, 16, 3, 3}, same}), 0);
  EXPECT_EQ(ReplacedWherePaying({{1, 256, 4, 4}, {256, 256, 3, 3}, same}), 0);
}

}  // namespace
}  // namespace descent
