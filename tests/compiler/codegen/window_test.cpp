// Windows over images: which part of an image a box holds, and what contractions make of boxes of
// every size.
#include "compiler/kernel/window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "compiler/codegen/contraction_plan.h"
#include "compiler/kernel/schedule.h"
#include "ir/index_map.h"
#include "tests/compiler/codegen/contraction_testing.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

constexpr DType kF32 = DType::kF32;

/// A convolution of square images, x [images, size, size, in], or a gradient to its filters.
/// Without `last` the channels stand before the pixels, also in the other operand and in the
/// result.
struct WindowSample {
  int64_t images = 1, size = 8, in = 1, out = 8, kernel = 3, stride = 1, dilation = 1, padding = 1;
  bool weights = false, last = true;

  int64_t result() const { return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1; }
};

/// [row, y, x, channel] in the order that the sample has.
template <typename T>
std::vector<T> InLayout(const WindowSample& s, T row, T channel, T y, T x) {
  return s.last ? std::vector<T>{row, y, x, channel} : std::vector<T>{row, channel, y, x};
}

/// Parameters: the image, the filters or the arriving gradient, the result. The image is lhs.
Kernel WindowKernel(const WindowSample& s) {
  const int64_t result = s.result();
  const Shape image = InLayout<int64_t>(s, s.images, s.in, s.size, s.size);
  const Shape outputs = InLayout<int64_t>(s, s.images, s.out, result, result);
  const Shape filters =
      s.last ? Shape{s.kernel, s.kernel, s.in, s.out} : Shape{s.out, s.in, s.kernel, s.kernel};
  const Shape& own = s.weights ? filters : outputs;
  Shape reduced = s.weights ? Shape{s.images, result, result} : Shape{s.kernel, s.kernel, s.in};
  if (!s.weights && !s.last) reduced = {s.in, s.kernel, s.kernel};
  Stage stage{.axes = own, .parallel = 4};
  stage.axes.insert(stage.axes.end(), reduced.begin(), reduced.end());
  // Where each of them lies among the axes.
  const int filter = s.last ? 3 : s.weights ? 0 : 1;
  const int row = s.weights ? 4 : 0;
  const int y = s.weights ? 5 : s.last ? 1 : 2, x = y + 1;
  const int ky = s.weights ? (s.last ? 0 : 2) : s.last ? 4 : 5, kx = ky + 1;
  const int channel = s.weights ? (s.last ? 2 : 1) : s.last ? 6 : 4;
  const auto at = [&](int o, int k) {
    return Axis(o) * s.stride + Axis(k) * s.dilation + ConstantIndex(-s.padding);
  };
  StageRead read = ReadOf(0, InLayout<Index>(s, Axis(row), Axis(channel), at(y, ky), at(x, kx)));
  if (s.padding > 0) {
    read.guards = {{at(y, ky), s.size}, {at(x, kx), s.size}};
    read.outside = ConstantScalar(kF32, 0);
  }
  const std::vector<Index> filter_at =
      s.last ? std::vector<Index>{Axis(ky), Axis(kx), Axis(channel), Axis(filter)}
             : std::vector<Index>{Axis(filter), Axis(channel), Axis(ky), Axis(kx)};
  const std::vector<Index> output_at =
      InLayout<Index>(s, Axis(row), Axis(filter), Axis(y), Axis(x));
  stage.reads = {read, ReadOf(1, s.weights ? output_at : filter_at)};
  const Scalar sum = Accumulator(0, kF32);
  stage.reducer =
      Reducer{{ConstantScalar(kF32, 0)},
              {Call(ScalarOp::kAdd,
                    {sum, Call(ScalarOp::kMul, {ReadScalar(0, kF32), ReadScalar(1, kF32)})})},
              {Call(ScalarOp::kAdd, {sum, Other(0, kF32)})}};
  stage.results = {sum};
  stage.stores = {{0, -1, 2, Axes(0, 4)}};
  Kernel kernel{.name = "test_window"};
  kernel.parameters = {
      {{kF32, image}, false}, {{kF32, s.weights ? outputs : filters}, false}, {{kF32, own}, true}};
  kernel.stages = {stage};
  ContractionForm form{.batch = {}, .m = {}, .n = {filter}, .k = {4, 5, 6}, .lhs = 0, .rhs = 1};
  for (int axis = 0; axis < 4; ++axis)
    if (axis != filter) form.m.push_back(axis);
  kernel.form = std::move(form);
  return kernel;
}

Target WithSecondLevelCache(int64_t bytes) {
  Target target = NativeTarget();
  target.facts.l2_bytes = bytes;
  return target;
}

TEST(Window, HoldsWhatOneTileReads) {
  const Kernel kernel = WindowKernel({.images = 2, .size = 8, .in = 4});
  const auto window = FindWindow(kernel, {.l2_bytes = 1 << 20});
  ASSERT_TRUE(window);
  EXPECT_EQ(window->row, 8);
  EXPECT_EQ(window->run, 4);
  EXPECT_EQ(window->m, (GroupPiece{0, 2, 128}));
  EXPECT_EQ(window->k, (GroupPiece{0, 3, 36}));
  EXPECT_EQ(window->box, (Shape{2, 10, 10, 4})) << "all images with a border of one pixel";
  EXPECT_EQ(window->strides, (std::vector<int64_t>{400, 40, 4, 0, 40, 4, 1}));
}

TEST(Window, IsCutWhereItDoesNotFit) {
  const Kernel kernel = WindowKernel({.images = 2, .size = 8, .in = 4});
  const auto rows = FindWindow(kernel, {.l2_bytes = 3 * 4 * 4 * 10 * 6});
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->m, (GroupPiece{1, 4, 32})) << "four rows of one image";
  EXPECT_EQ(rows->box, (Shape{1, 6, 10, 4}));
  const Kernel deep = WindowKernel({.size = 8, .in = 64});
  const auto taps = FindWindow(deep, {.l2_bytes = 3 * 4 * 64 * 12});
  ASSERT_TRUE(taps);
  EXPECT_FALSE(taps->whole_k(9 * 64));
  EXPECT_EQ(taps->k.length % taps->run, 0);
  EXPECT_EQ(Elements(taps->box) * 4 <= 4 * 64 * 12, true);
}

TEST(Window, StridesAndDilationsSpreadIt) {
  const auto box = [](const WindowSample& sample) {
    const auto window = FindWindow(WindowKernel(sample), {.l2_bytes = 1 << 20});
    return window ? window->box : Shape();
  };
  EXPECT_EQ(box({.size = 16, .in = 2, .kernel = 5, .stride = 2, .padding = 2}),
            (Shape{1, 2 * 7 + 4 + 1, 2 * 7 + 4 + 1, 2}));
  EXPECT_EQ(box({.size = 16, .in = 2, .dilation = 2, .padding = 2}),
            (Shape{1, 15 + 2 * 2 + 1, 15 + 2 * 2 + 1, 2}));
}

TEST(Window, NeedsRowsAndReadsThatAscend) {
  EXPECT_FALSE(FindWindow(WindowKernel({.size = 3, .in = 4}), {})) << "rows of three pixels";
  EXPECT_FALSE(FindWindow(MatmulKernel({64, 64, 64}), {})) << "no element is read twice";
  Kernel flipped = WindowKernel({.in = 4});
  StageRead& read = flipped.stages[0].reads[0];
  for (Index& index : read.coordinates)
    if (UsesAxis(index, 5)) index = Axis(2) + ConstantIndex(1) + Axis(5) * -1;
  EXPECT_FALSE(FindWindow(flipped, {}));
}

/// A box that holds a piece of K serves one block of K: where the other operand's runs are shorter,
/// it must be packed.
TEST(Window, BlocksOfKAreAsLongAsItsBox) {
  const WindowSample sample{
      .images = 8, .in = 2, .out = 4, .kernel = 5, .padding = 2, .weights = true, .last = false};
  const Target target = WithSecondLevelCache(8 << 10);
  Kernel kernel = WindowKernel(sample);
  const auto window = FindWindow(kernel, target.facts);
  ASSERT_TRUE(window);
  ASSERT_EQ(window->k, (GroupPiece{0, 2, 128})) << "two images";
  const ContractionPlan plan = PlanContraction(kernel, target.facts);
  EXPECT_EQ(plan.block_k, 128);
}

WindowSample RandomWindow(std::mt19937_64& random) {
  const auto pick = [&](std::initializer_list<int64_t> list) {
    return std::data(list)[random() % list.size()];
  };
  WindowSample s{.images = pick({1, 2, 3}),
                 .size = pick({4, 5, 7, 8}),
                 .in = pick({1, 3, 8, 17, 64}),
                 .out = pick({1, 3, 9}),
                 .kernel = pick({1, 2, 3, 5}),
                 .stride = pick({1, 1, 2, 3}),
                 .dilation = pick({1, 1, 2}),
                 .padding = pick({0, 1, 2}),
                 .weights = random() % 2 == 0,
                 .last = random() % 2 == 0};
  if (s.result() < 1) s.kernel = s.dilation = 1;
  return s;
}

std::string Describe(const WindowSample& s) {
  return fmt::format(
      "images {} size {} in {} out {} kernel {} stride {} dilation {} padding {} weights {} last "
      "{}",
      s.images, s.size, s.in, s.out, s.kernel, s.stride, s.dilation, s.padding, s.weights, s.last);
}

/// What a kernel makes of patterns, compiled for `target`, at several numbers of threads.
void ExpectMatches(const Kernel& kernel, const Target& target) {
  const auto jit = JitProgram::Load(ProgramOf(kernel), target);
  ASSERT_TRUE(jit.has_value()) << jit.error().message;
  const std::vector<Tensor> values = Patterns(kernel);
  const Tensor expected = RunReference(kernel, values).values[2];
  for (const int threads : {0, 3}) {
    const Tensor actual = RunCompiled(jit->program(), kernel, values, threads).values[2];
    for (int64_t i = 0; i < expected.elements(); ++i)
      ASSERT_NEAR(actual.GetDouble(i), expected.GetDouble(i), 1e-4) << "element " << i;
  }
}

/// Its only position along an axis may lie outside the image.
TEST(Window, BoxesOfOneRowHaveZerosAroundThem) {
  const WindowSample one_tap{.size = 8, .in = 16, .kernel = 1, .padding = 1, .last = false};
  const WindowSample one_row_of_taps{.size = 5, .in = 64, .out = 9, .padding = 2};
  for (const auto& [sample, cache, box] :
       {std::tuple{one_tap, 3 * 4 * 16 * 10, Shape{1, 16, 1, 10}},
        std::tuple{one_row_of_taps, 8 << 10, Shape{1, 1, 9, 64}}}) {
    const Target target = WithSecondLevelCache(cache);
    const Kernel kernel = WindowKernel(sample);
    const auto window = FindWindow(kernel, target.facts);
    ASSERT_TRUE(window);
    EXPECT_EQ(window->box, box);
    ExpectMatches(kernel, target);
  }
}

TEST(Window, OfEverySizeGivesTheSums) {
  constexpr int kEach = 4;
  std::mt19937_64 random(5);
  int whole = 0, cut = 0;
  for (int round = 0; round < 2000 && whole + cut < 2 * kEach; ++round) {
    const WindowSample sample = RandomWindow(random);
    Kernel kernel = WindowKernel(sample);
    const Target target = WithSecondLevelCache(int64_t{2048} << random() % 5);
    Schedule(kernel, target.facts);
    kernel.schedule.parallel = true;
    const auto window = FindWindow(kernel, target.facts);
    if (!window) continue;
    int64_t k = 1;
    for (const int axis : kernel.as<ContractionForm>().k) k *= kernel.stages[0].axes[axis];
    int& number = window->whole_k(k) ? whole : cut;
    if (number == kEach) continue;
    ++number;
    SCOPED_TRACE(fmt::format("round {}: {}", round, Describe(sample)));
    ExpectMatches(kernel, target);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(whole, kEach);
  EXPECT_EQ(cut, kEach);
}

/// Where one block has all columns, tiles that come one after another read the same packed filters,
/// until the next image.
TEST(Window, TilesShareFilters) {
  constexpr int kEach = 4;
  std::mt19937_64 random(7);
  int kept = 0;
  for (int round = 0; round < 2000 && kept < kEach; ++round) {
    const WindowSample sample = RandomWindow(random);
    Kernel kernel = WindowKernel(sample);
    const Target target = WithSecondLevelCache(int64_t{16} << 10);
    Schedule(kernel, target.facts);
    kernel.schedule.parallel = true;
    if (!FindWindow(kernel, target.facts)) continue;
    if (!PlanContraction(kernel, target.facts).rhs.keeps_panels) continue;
    ++kept;
    SCOPED_TRACE(fmt::format("round {}: {}", round, Describe(sample)));
    ExpectMatches(kernel, target);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(kept, kEach);
}

/// Pairs lie side by side in the box (channels that are added up), or the box is made of pairs
/// (pixels that are); runs of odd length have none.
TEST(Window, OfBf16GivesTheSums) {
  constexpr int kEach = 4;
  std::mt19937_64 random(6);
  const bool has_pairs = NativeTarget().facts.bf16_pairs;
  int side_by_side = 0, of_pairs = 0, without = 0;
  for (int round = 0; round < 2000 && side_by_side + of_pairs + without < 3 * kEach; ++round) {
    const WindowSample sample = RandomWindow(random);
    Kernel kernel = WindowKernel(sample);
    RoundFactors(kernel, random() % 2 == 0 ? kF32 : DType::kBF16, DType::kBF16);
    const Target target = WithSecondLevelCache(int64_t{2048} << random() % 5);
    Schedule(kernel, target.facts);
    kernel.schedule.parallel = true;
    if (!FindWindow(kernel, target.facts)) continue;
    const ContractionPlan plan = PlanContraction(kernel, target.facts);
    int& number = plan.box_of_pairs ? of_pairs : plan.pairs ? side_by_side : without;
    if (number == kEach) continue;
    ++number;
    SCOPED_TRACE(fmt::format("round {}: {}", round, Describe(sample)));
    ExpectMatches(kernel, target);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(without, kEach);
  EXPECT_EQ(side_by_side, has_pairs ? kEach : 0);
  EXPECT_EQ(of_pairs, has_pairs ? kEach : 0);
}

}  // namespace
}  // namespace descent
