#include "compiler/kernel/lower_model.h"

#include <gtest/gtest.h>

#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {
namespace {

constexpr DType kF64 = DType::kF64;

/// A graph under construction whose inputs are Exprs.
struct TestGraph {
  GraphBuilder b;
  Expr Input(std::string name, Shape shape, DType dtype = kF64) {
    return {b, b.Input(std::move(name), {dtype, std::move(shape)})};
  }
  Graph Build() { return std::move(b).Build(); }
};

TEST(LowerModel, SigmoidNetworkForward) {
  TestGraph g;
  const Expr x = g.Input("x", {10, 2}), w1 = g.Input("slot.W1", {2, 3}),
             w2 = g.Input("slot.W2", {3, 1});
  g.b.Output("y", Sigmoid(Matmul(Sigmoid(Matmul(x, w1)), w2)));
  ExpectSameAsInterpreter(g.Build());
}

TEST(LowerModel, GradientDescentStepOverwritesItsParameters) {
  TestGraph g;
  const Expr x = g.Input("x", {10, 2}), y = g.Input("y", {10, 1}), w1 = g.Input("slot.W1", {2, 3}),
             w2 = g.Input("slot.W2", {3, 1});
  const Expr a = Sigmoid(Matmul(x, w1)), p = Matmul(a, w2), d = p - y;
  const Expr dw2 = Matmul(a, d, true), da = Matmul(d, w2, false, true);
  const Expr dz = da * a * (1.0 - a), dw1 = Matmul(x, dz, true);
  g.b.Output("loss", Mean(Square(d)));
  g.b.Output("next.slot.W1", w1 - dw1 * 0.1);
  g.b.Output("next.slot.W2", w2 - dw2 * 0.1);
  ExpectSameAsInterpreter(g.Build());
}

TEST(LowerModel, SwappedSlots) {
  TestGraph g;
  const Expr a = g.Input("slot.a", {5}), b = g.Input("slot.b", {5});
  g.b.Output("next.slot.a", b);
  g.b.Output("next.slot.b", a);
  ExpectSameAsInterpreter(g.Build());
}

TEST(LowerModel, SlotReadElsewhereThanWritten) {
  TestGraph g;
  const Expr w = g.Input("slot.W", {4, 4});
  g.b.Output("next.slot.W", Matmul(w, w));
  ExpectSameAsInterpreter(g.Build());
}

TEST(LowerModel, OneValueForSeveralOutputs) {
  TestGraph g;
  const Expr x = g.Input("x", {3, 4}), s = g.Input("slot.s", {3, 4});
  const Expr y = x * s;
  g.b.Output("y", y);
  g.b.Output("again", y);
  g.b.Output("same", x);
  g.b.Output("next.slot.s", y);
  ExpectSameAsInterpreter(g.Build());
}

/// Constants may share their bytes: of another shape, another type, or as the beginning of another.
TEST(LowerModel, ConstantsOfTheSameBytes) {
  TestGraph g;
  const auto constant = [&](Shape shape, std::vector<double> values) {
    return Expr(g.b, g.b.Constant(Tensor::FromDoubles({kF64, std::move(shape)}, values)));
  };
  const Expr x = g.Input("x", {2, 2}), y = g.Input("y", {3}), i = g.Input("i", {2}, DType::kI64),
             u = g.Input("u", {2}, DType::kU64);
  g.b.Output("rows", x * constant({2}, {0.5, 0.75}));
  g.b.Output("columns", x * constant({2, 1}, {0.5, 0.75}));
  g.b.Output("longer", y * constant({3}, {0.5, 0.75, 1}));
  const std::vector<int64_t> numbers = {5, 7};
  g.b.Output("signed", i * Expr(g.b, g.b.Constant(Tensor::FromInts({DType::kI64, {2}}, numbers))));
  g.b.Output("unsigned",
             u * Expr(g.b, g.b.Constant(Tensor::FromInts({DType::kU64, {2}}, numbers))));
  ExpectSameAsInterpreter(g.Build());
}

TEST(LowerModel, Softmax) {
  TestGraph g;
  const Expr x = g.Input("x", {6, 10});
  const Expr e = Exp(x - Max(x, {1}, true));
  g.b.Output("y", e / Sum(e, {1}, true));
  ExpectSameAsInterpreter(g.Build());
}

TEST(LowerModel, LayerNormLike) {
  TestGraph g;
  const Expr x = g.Input("x", {3, 4, 8}), scale = g.Input("slot.scale", {8});
  const Expr centred = x - Mean(x, {2}, true);
  const Expr variance = Mean(Square(centred), {2}, true);
  g.b.Output("y", centred / Sqrt(variance + 1e-5) * scale);
  ExpectSameAsInterpreter(g.Build());
}

TEST(LowerModel, ReshapedConvolutionLikeChain) {
  TestGraph g;
  const Expr x = g.Input("x", {2, 3, 4, 5}), w = g.Input("slot.w", {60, 7});
  const Expr y = Relu(Matmul(Reshape(Relu(x), {2, 60}), w));
  g.b.Output("y", Reshape(y, {7, 2}));
  ExpectSameAsInterpreter(g.Build());
}

/// Is there a path in the order from the call whose kernel is named after the value `first` to that
/// of `second`?
bool Waits(const EntryProgram& entry, const KernelProgram& program, std::string_view first,
           std::string_view second) {
  const auto call_of = [&](std::string_view name) {
    for (size_t i = 0; i < entry.steps.size(); ++i) {
      const auto& call = std::get<KernelCall>(entry.steps[i].what);
      if (program.kernels[call.kernel].name.ends_with(name)) return static_cast<int>(i);
    }
    ADD_FAILURE() << "no kernel " << name;
    return -1;
  };
  std::vector<bool> reached(entry.steps.size(), false);
  reached[call_of(first)] = true;
  for (const auto& [from, to] : entry.order)  // edges go forward and are sorted
    if (reached[from]) reached[to] = true;
  return reached[call_of(second)];
}

TEST(LowerModel, BarrierWaits) {
  for (const bool with_barrier : {false, true})
    for (const bool fuse : {false, true}) {
      TestGraph g;
      const Expr x = g.Input("x", {64, 64});
      const Expr total = Sum(x);
      g.b.SetName(total, "total");
      const Value seen =
          with_barrier ? g.b.Add("barrier", {x, total}, {{"region", int64_t{1}}}) : Value(x);
      const Value y = g.b.Add("exp", {seen}, {}, "wave");
      g.b.Output("total", total);
      g.b.Output("wave", y);
      const Graph graph = g.Build();
      const Lowered lowered = LowerModel(RunModel(graph), fuse);
      EXPECT_EQ(Waits(lowered.program.entries[0], lowered.program, "total", "wave"), with_barrier)
          << "fuse " << fuse;
      ExpectSameAsInterpreter(graph);
    }
}

/// Two heads over sentences of `length` words, trained.
std::string AttentionModel(int length) {
  std::string text = fmt::format(
      "model attention {{\n  batch 2\n  input x: f32[batch, {0}, 32] from features\n"
      "  input y: f32[batch, {0}, 32] from label\n",
      length);
  for (const char name : {'q', 'k', 'v'})
    text += fmt::format(
        "  parameter w{0}: f32[32, 32] = glorot_uniform\n  {0}0 = matmul(x, w{0})\n"
        "  {0}1 = reshape({0}0, shape=[2, {1}, 2, 16])\n"
        "  {0} = transpose({0}1, permutation=[0, 2, 1, 3])\n",
        name, length);
  return text + fmt::format(
                    "  a, _ = scaled_dot_product_attention(q, k, v)\n"
                    "  t = transpose(a, permutation=[0, 2, 1, 3])\n"
                    "  c = reshape(t, shape=[2, {}, 32])\n  loss = mse(c, y)\n  predict c\n"
                    "  train loss with sgd(learning_rate=0.1)\n}}\n",
                    length);
}

TEST(LowerModel, TheArenaOfAttentionGrowsWithTheLengthAndNotItsSquare) {
  std::vector<int64_t> arena_bytes;
  for (const int length : {256, 512, 1024}) {
    const Lowered lowered = LowerModel(OptimizedModel(AttentionModel(length), "train_step"), true);
    arena_bytes.push_back(lowered.program.entries[0].arena_bytes);
  }
  // What does not grow, alignment, and packings that differ.
  constexpr int64_t kSlackBytes = 16 << 10;
  const int64_t first = arena_bytes[1] - arena_bytes[0], second = arena_bytes[2] - arena_bytes[1];
  EXPECT_LE(std::abs(second - 2 * first), kSlackBytes)
      << fmt::format("{}", fmt::join(arena_bytes, ", "));
  // Batch x heads x T x T floats.
  EXPECT_LT(arena_bytes[2], int64_t{2} * 2 * 1024 * 1024 * 4);
}

}  // namespace
}  // namespace descent
