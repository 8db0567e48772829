// Layouts: in which order tensors of the arena and slots of the state lie, what is copied for it,
// and that no value depends on it.
#include "compiler/kernel/layouts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "compiler/graph/pipeline.h"
#include "compiler/kernel/lane_axes.h"
#include "ir/io/text_parser.h"
#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {
namespace {

using Order = std::vector<int>;

/// A model's entry points, lowered over one state whose order suits `main`.
class Layouts {
 public:
  Layouts(const std::string& text, std::vector<std::string> entries, std::string_view main) {
    const auto model = ParseText("descent 1\nmodel m {\n" + text + "}\n", "test.descent");
    DESCENT_CHECK(model.has_value(), model.error().ToString());
    for (const std::string& entry : entries) {
      auto optimized = RunPasses(*model, StandardPasses(*model), {.pass = {.entry = entry}});
      DESCENT_CHECK(optimized.has_value(), optimized.error().ToString());
      models_.push_back(*std::move(optimized));
    }
    program_.name = program_.prefix = "m";
    LayoutState(models_[0], program_);
    const auto ordered = OrderState(models_, main, program_);
    DESCENT_CHECK(ordered.has_value(), "states can be ordered");
    for (const Model& entry : models_) {
      auto lowered = LowerEntry(entry, program_);
      DESCENT_CHECK(lowered.has_value(), lowered.error().message);
      program_.entries.push_back(*std::move(lowered));
    }
  }

  const KernelProgram& program() const { return program_; }

  Order OrderOf(std::string_view slot) const {
    const auto found = std::ranges::find(program_.state, slot, &StateSlot::name);
    DESCENT_CHECK(found != program_.state.end(), "no such slot");
    return found->order;
  }

  /// Names of values that are copied into the order of their readers, as often as they are.
  std::multiset<std::string> Copies(size_t entry = 0) const {
    std::multiset<std::string> copied;
    for (const Buffer& buffer : program_.entries[entry].buffers)
      if (buffer.name.ends_with(".layout"))
        copied.insert(buffer.name.substr(0, buffer.name.size() - 7));
    return copied;
  }

  /// Extents of a value in memory.
  Shape StoredAs(std::string_view value, size_t entry = 0) const {
    for (const Buffer& buffer : program_.entries[entry].buffers)
      if (buffer.name == value) return buffer.type.shape;
    return {};
  }

 private:
  std::vector<Model> models_;
  KernelProgram program_;
};

/// Two convolutions of 8 x 6 images.
constexpr const char* kTwoConvolutions = R"(
  batch 4
  input image: f32[batch, 3, 8, 6] from features
  input label: f32[batch, 32, 8, 6] from label
  parameter w1: f32[16, 3, 3, 3] = he_uniform
  parameter b1: f32[16] = zeros
  parameter w2: f32[32, 16, 3, 3] = he_uniform
  c1 = conv2d(image, w1, b1, auto_pad=same)
  r1 = relu(c1)
  c2 = conv2d(r1, w2, auto_pad=same)
  loss = mse(c2, label)
  predict c2
  train loss with momentum(learning_rate=0.1)
)";

TEST(Layouts, FiltersLieWithTheirChannelsAndResultsLast) {
  const Layouts layouts(kTwoConvolutions, {"train_step"}, "train_step");
  EXPECT_EQ(layouts.OrderOf("w2"), (Order{2, 3, 1, 0}));
  EXPECT_EQ(layouts.OrderOf("w2.velocity"), (Order{2, 3, 1, 0}));
  EXPECT_EQ(layouts.OrderOf("b1"), Order());
}

TEST(Layouts, ImagesOfTheArenaLieChannelsLast) {
  const Layouts layouts(kTwoConvolutions, {"train_step"}, "train_step");
  EXPECT_EQ(layouts.StoredAs("r1"), (Shape{4, 8, 6, 16}));
}

/// An input keeps the order in which somebody else gives it; both of its readers share one copy.
TEST(Layouts, WhatSomebodyElseGivesIsCopiedOnce) {
  const Layouts layouts(R"(
    input x: f32[2, 32, 9, 9]
    input w: f32[64, 32, 3, 3]
    input v: f32[48, 32, 3, 3]
    y = conv2d(x, w)
    z = conv2d(x, v)
    a = relu(y)
    b = tanh(z)
    c = concat(a, b, axis=1)
    d = avg_pool2d(c, kernel=[2, 2])
    output d
  )",
                        {"run"}, "run");
  EXPECT_EQ(layouts.StoredAs("x"), (Shape{2, 32, 9, 9}));
  EXPECT_EQ(layouts.Copies().count("x"), 1u);
  EXPECT_EQ(layouts.Copies().count("w"), 1u);
  EXPECT_EQ(layouts.StoredAs("x.layout"), (Shape{2, 9, 9, 32}));
}

TEST(Layouts, FewChannelsHaveNoOrder) {
  const Layouts layouts(R"(
    batch 4
    input image: f32[batch, 3, 8, 6] from features
    input label: f32[batch, 5, 8, 6] from label
    parameter w: f32[5, 3, 3, 3] = he_uniform
    c = conv2d(image, w, auto_pad=same)
    loss = mse(c, label)
    train loss with sgd(learning_rate=0.1)
  )",
                        {"train_step"}, "train_step");
  EXPECT_EQ(layouts.OrderOf("w"), Order());
  EXPECT_TRUE(layouts.Copies().empty());
}

TEST(Layouts, OfTheMainEntryPointHoldForAll) {
  const std::vector<std::string> entries = {"initialize", "train_step", "evaluate", "predict"};
  const Layouts layouts(kTwoConvolutions, entries, "train_step");
  EXPECT_EQ(layouts.OrderOf("w2"), (Order{2, 3, 1, 0}));
  EXPECT_EQ(layouts.Copies(2).count("w2"), 0u);
  EXPECT_EQ(layouts.Copies(3).count("w2"), 0u);
}

/// A loop takes its operands as they lie, here in an entry point that is not the main one.
TEST(Layouts, WhatSomeEntryPointTakesAsAWholeStaysAsItIs) {
  std::string looped = kTwoConvolutions;
  const std::string predicted = "  predict c2\n";
  looped.replace(looped.find(predicted), predicted.size(), R"(
    zero = mul(0.0, b1)
    first = mean(zero)
    total, _ = scan(first, w2, carried=1, sliced=1) body(t: f32[], w: f32[16, 3, 3]) {
      m = mean(w)
      n = add(t, m)
      return n
    }
    p = add(c2, total)
    predict p
  )");
  const std::vector<std::string> entries = {"train_step", "predict"};
  EXPECT_EQ(Layouts(kTwoConvolutions, entries, "train_step").OrderOf("w2"), (Order{2, 3, 1, 0}));
  EXPECT_EQ(Layouts(looped, entries, "train_step").OrderOf("w2"), Order());
}

TEST(LaneAxes, ChannelsStandBeforeResults) {
  const LaneAxes lanes{.channel = 4, .result = 1};
  EXPECT_EQ(lanes.OrderOf({Axis(1), Axis(4), Axis(5), Axis(6)}), (Order{2, 3, 1, 0}));
  EXPECT_EQ(lanes.OrderOf({Axis(0), Axis(4), Axis(2) + Axis(5), Axis(3)}), (Order{0, 2, 3, 1}));
  EXPECT_EQ(LaneAxes{.channel = 1}.OrderOf({Axis(0), Axis(1), Axis(2)}), (Order{0, 2, 1}));
}

TEST(LaneAxes, PermutedComputationsReadTheSameElements) {
  Computation c = MakeCopy(0, 1, {DType::kF32, {2, 3, 4}});
  PermuteAxes(c, {2, 0, 1});
  EXPECT_EQ(c.axes, (Shape{4, 2, 3}));
  ASSERT_EQ(c.reads.size(), 1u);
  const Index linear = LinearIndex(c.reads[0].coordinates, c.reads[0].view);
  const int64_t point[] = {3, 1, 2};
  EXPECT_EQ(Evaluate(linear, point), 1 * 12 + 2 * 4 + 3);
}

TEST(LaneAxes, SlidingNeedsAxesOfBothKinds) {
  EXPECT_TRUE(Slides({Axis(0), Axis(1) + Axis(3)}, 2));
  EXPECT_FALSE(Slides({Axis(0), Axis(1), Axis(3)}, 2));
}

}  // namespace
}  // namespace descent
