// What inlining may make of a kernel is bounded, whatever the length of a chain.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "compiler/kernel/fuse.h"
#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {
namespace {

int64_t Nodes(const Index& index) { return index ? 1 + Nodes(index->a) + Nodes(index->b) : 0; }

int64_t LargestIndex(const KernelProgram& program) {
  int64_t largest = 0;
  for (const Kernel& kernel : program.kernels)
    for (const Stage& stage : kernel.stages)
      for (const StageRead& read : stage.reads)
        for (const Index& index : read.coordinates) largest = std::max(largest, Nodes(index));
  return largest;
}

/// Distinct quotients and remainders by other numbers than powers of two in the reads of a kernel.
int64_t MostDivisions(const KernelProgram& program) {
  int64_t most = 0;
  for (const Kernel& kernel : program.kernels) {
    std::set<std::string> divisions;
    const std::function<void(const Index&)> visit = [&](const Index& index) {
      if (!index) return;
      const bool divides = index->kind == IndexKind::kFloorDiv || index->kind == IndexKind::kMod;
      if (divides && (index->value & (index->value - 1)) != 0) divisions.insert(ToString(index));
      visit(index->a);
      visit(index->b);
    };
    for (const Stage& stage : kernel.stages)
      for (const StageRead& read : stage.reads) std::ranges::for_each(read.coordinates, visit);
    most = std::max(most, static_cast<int64_t>(divisions.size()));
  }
  return most;
}

/// neg, then pairs of a reshape that fits no other and a transpose, then exp. `inner` elements lie
/// behind the two axes.
Model LayoutChain(int pairs, int64_t inner) {
  constexpr int64_t kShapes[][2] = {{6, 35}, {10, 21}, {14, 15}, {30, 7}, {2, 105}, {42, 5}};
  std::string text = fmt::format("model m {{\n input x: f64[6, 35, {}]\n t = neg(x)\n", inner);
  for (int i = 0; i < pairs; ++i) {
    const auto [a, b] = kShapes[i % std::size(kShapes)];
    text += fmt::format(" r{} = reshape({}, shape=[{}, {}, {}])\n", i,
                        i == 0 ? "t" : fmt::format("t{}", i - 1), a, b, inner);
    text += fmt::format(" t{} = transpose(r{}, permutation=[1, 0, 2])\n", i, i);
  }
  return OptimizedModel(text + fmt::format(" y = exp(t{})\n output y\n}}", pairs - 1), "run");
}

TEST(InlineProducers, LayoutChainsAreStoredWhereTheirIndicesGrow) {
  for (const int64_t inner : {1, 64}) {
    const Lowered ten = LowerModel(LayoutChain(10, inner), true);
    const Lowered thirty = LowerModel(LayoutChain(30, inner), true);
    EXPECT_LE(LargestIndex(thirty.program), 128);
    EXPECT_LE(thirty.call_count, 4 * ten.call_count);
    EXPECT_LT(thirty.call_count, 30) << "some layouts are still read through";
    ExpectSameAsInterpreter(LayoutChain(10, inner));
  }
}

/// Windows of 7 x 7, then heads: what a windowed attention does around its products.
TEST(InlineProducers, WindowsAndHeadsTakeFewDivisions) {
  const Model model = OptimizedModel(R"(model m {
    input x: f64[2, 14, 14, 24]
    r0 = reshape(x, shape=[2, 2, 7, 2, 7, 24])
    t0 = transpose(r0, permutation=[0, 1, 3, 2, 4, 5])
    w0 = reshape(t0, shape=[8, 49, 24])
    h0 = reshape(w0, shape=[8, 49, 3, 8])
    h1 = transpose(h0, permutation=[0, 2, 1, 3])
    g0 = reshape(h1, shape=[8, 49, 24])
    g1 = transpose(g0, permutation=[0, 2, 1])
    y = exp(g1)
    output y
  })",
                                     "run");
  const Lowered lowered = LowerModel(model, true);
  EXPECT_LE(MostDivisions(lowered.program), 5);
  EXPECT_LE(lowered.call_count, 3);
  ExpectSameAsInterpreter(model);
}

TEST(InlineProducers, RowsThatManyReadAreLaidOutOnce) {
  const auto calls = [](int64_t rows) {
    const Model model = OptimizedModel(fmt::format(R"(model m {{
    input x: f64[7, 45]
    input y: f64[{}, 315]
    r = reshape(x, shape=[9, 35])
    t = transpose(r, permutation=[1, 0])
    b = reshape(t, shape=[315])
    z = add(y, b)
    output z
  }})",
                                                   rows),
                                       "run");
    return ExpectSameAsInterpreter(model);
  };
  EXPECT_EQ(calls(100), 2) << "two divisions an element are more than storing the row once";
  EXPECT_EQ(calls(1), 1);
}

TEST(InlineProducers, SplittingAndMergingHeadsStaysInTheProducts) {
  const Model model = OptimizedModel(R"(model m {
    input x: f64[2, 10, 12]
    input w: f64[12, 12]
    input v: f64[12, 12]
    q = matmul(x, w)
    s = reshape(q, shape=[2, 10, 3, 4])
    t = transpose(s, permutation=[0, 2, 1, 3])
    e = tanh(t)
    u = transpose(e, permutation=[0, 2, 1, 3])
    m = reshape(u, shape=[2, 10, 12])
    y = matmul(m, v)
    output y
  })",
                                     "run");
  EXPECT_EQ(LowerModel(model, true).call_count, 2);
}

/// sin(sin(...)) of 64 elements, a work each.
Region SineChain(int length, TensorTable& tensors) {
  const TensorType type{DType::kF64, {64}};
  const TensorExpr sine{.axes = {64},
                        .rank = 1,
                        .reads = {{.operand = 0, .coordinates = {Axis(0)}}},
                        .reducer = std::nullopt,
                        .results = {Call(ScalarOp::kSin, {ReadScalar(0, DType::kF64)})}};
  Region region;
  int last = tensors.Add({.name = "x", .type = type});
  for (int i = 0; i < length; ++i) {
    const int next = tensors.Add({.name = "s", .type = type});
    Work work;
    work.computation = MakeComputation(sine, {last}, {type}, {next});
    region.works.push_back(std::move(work));
    last = next;
  }
  region.deliveries.push_back({.value = last, .target = tensors.Add({.name = "y", .type = type})});
  return region;
}

TEST(InlineProducers, BodiesAreBounded) {
  TensorTable tensors;
  Region region = SineChain(600, tensors);
  InlineProducers(region, tensors);
  EXPECT_LE(region.works.size(), 30U);
  for (const Work& work : region.works) EXPECT_LE(PointCost(work.computation), kMaxPointCost);
}

/// t = sin(t) * t of two inputs, over and over.
Model ChainsOfSharedValues(int length) {
  std::string text = "model m {\n input a: f64[64]\n input b: f64[64]\n";
  for (const char* x : {"a", "b"})
    for (int i = 0; i < length; ++i)
      text += fmt::format(" s{0}{1} = sin({2})\n t{0}{1} = mul(s{0}{1}, {2})\n", x, i,
                          i == 0 ? x : fmt::format("t{}{}", x, i - 1));
  text += fmt::format(" output ta{0}\n output tb{0}\n}}", length - 1);
  return OptimizedModel(text, "run");
}

TEST(InlineProducers, EqualBodiesThatUseValuesTwiceShareTheirKernel) {
  const Lowered lowered = LowerModel(ChainsOfSharedValues(20), true);
  EXPECT_EQ(lowered.call_count, 2);
  EXPECT_EQ(lowered.program.kernels.size(), 1U);
  ExpectSameAsInterpreter(ChainsOfSharedValues(6));
}

}  // namespace
}  // namespace descent
