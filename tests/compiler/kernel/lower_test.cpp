#include "compiler/kernel/lower.h"

#include <gtest/gtest.h>

#include "compiler/kernel/contraction.h"
#include "compiler/kernel/schedule.h"
#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {
namespace {

Lowered LowerText(const std::string& body, bool fuse = true) {
  return LowerModel(OptimizedModel("model f {" + body + "}", "run"), fuse);
}

const Kernel& FirstContraction(const KernelProgram& program) {
  for (const Kernel& kernel : program.kernels)
    if (kernel.is<ContractionForm>()) return kernel;
  ADD_FAILURE() << "no contraction";
  return program.kernels[0];
}

struct RoleSample {
  const char* name;
  const char* body;
  size_t batch, m, n, k;
};
void PrintTo(const RoleSample& sample, std::ostream* out) { *out << sample.name; }

class ContractionRoles : public testing::TestWithParam<RoleSample> {};

TEST_P(ContractionRoles, AreFoundFromTheIndexMaps) {
  const RoleSample& sample = GetParam();
  const Lowered lowered = LowerText(sample.body);
  const Kernel& kernel = FirstContraction(lowered.program);
  ASSERT_TRUE(kernel.is<ContractionForm>());
  EXPECT_EQ(kernel.as<ContractionForm>().batch.size(), sample.batch);
  EXPECT_EQ(kernel.as<ContractionForm>().m.size(), sample.m);
  EXPECT_EQ(kernel.as<ContractionForm>().n.size(), sample.n);
  EXPECT_EQ(kernel.as<ContractionForm>().k.size(), sample.k);
  // The last parallel axis, contiguous in the result, is on the vector lanes.
  EXPECT_EQ(kernel.as<ContractionForm>().n.back(), kernel.stages[0].parallel - 1);
  EXPECT_EQ(lowered.call_count, 1);
}

INSTANTIATE_TEST_SUITE_P(All, ContractionRoles,
                         testing::Values(RoleSample{"Matmul", R"(
          input a: f32[8, 16]
          input b: f32[16, 24]
          y = matmul(a, b)
          output y)",
                                                    0, 1, 1, 1},
                                         RoleSample{"BothTransposed", R"(
          input a: f32[16, 8]
          input b: f32[24, 16]
          y = matmul(a, b, transpose_a=true, transpose_b=true)
          output y)",
                                                    0, 1, 1, 1},
                                         RoleSample{"BatchedOverTwoAxes", R"(
          input a: f32[3, 4, 8, 16]
          input b: f32[3, 4, 16, 24]
          y = matmul(a, b)
          output y)",
                                                    1, 1, 1, 1},
                                         // The rows of all matrices are one M.
                                         RoleSample{"SharedRightSide", R"(
          input a: f32[3, 8, 16]
          input b: f32[16, 24]
          y = matmul(a, b)
          output y)",
                                                    0, 1, 1, 1},
                                         RoleSample{"PointwiseConvolution", R"(
          input x: f32[2, 8, 6, 6]
          input w: f32[16, 8, 1, 1]
          y = conv2d(x, w)
          output y)",
                                                    0, 1, 2, 1},
                                         RoleSample{"PaddedConvolution", R"(
          input x: f32[2, 8, 6, 6]
          input w: f32[16, 8, 3, 3]
          y = conv2d(x, w, padding=[1, 1, 1, 1])
          output y)",
                                                    0, 1, 3, 3},
                                         RoleSample{"GroupedConvolution", R"(
          input x: f32[2, 8, 6, 6]
          input w: f32[16, 4, 3, 3]
          y = conv2d(x, w, groups=2)
          output y)",
                                                    1, 1, 3, 3}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(FindContraction, OtherReductionsAreNone) {
  for (const char* body : {R"(
          input a: f32[8, 16]
          s = sum(a, axes=[1])
          output s)",
                           R"(
          input a: f32[8, 16]
          input b: f32[16, 1]
          y = matmul(a, b)
          output y)",
                           R"(
          input a: i32[8, 16]
          input b: i32[16, 8]
          c = cast(a, to=f32)
          m = max(c, axes=[1])
          output m)"})
    for (const Kernel& kernel : LowerText(body).program.kernels)
      EXPECT_TRUE(kernel.is<LoopsForm>());
}

// ---- aliasing ----------------------------------------------------------------------------------

Kernel ElementwiseKernel(Index read) {
  Kernel kernel;
  const TensorType type{DType::kF32, {8}};
  kernel.parameters = {{type, false}, {type, true}};
  kernel.stages = {{.axes = {8},
                    .parallel = 1,
                    .reads = {{.index = 0, .coordinates = {std::move(read)}}},
                    .results = {ReadScalar(0, DType::kF32)},
                    .stores = {{.result = 0, .parameter = 1, .coordinates = {Axis(0)}}}}};
  return kernel;
}

TEST(MayAlias, OnlyReadsOfTheOverwrittenElement) {
  EXPECT_TRUE(MayAlias(ElementwiseKernel(Axis(0)), 0, 1));
  EXPECT_FALSE(MayAlias(ElementwiseKernel(Axis(0) * -1 + ConstantIndex(7)), 0, 1));
  EXPECT_FALSE(MayAlias(ElementwiseKernel(ConstantIndex(3)), 0, 1));
  EXPECT_FALSE(MayAlias(ElementwiseKernel(Axis(0)), 1, 0));
}

TEST(MayAlias, NotWhatAReductionReads) {
  const Lowered lowered = LowerText(R"(
    input a: f32[8, 8]
    input b: f32[8, 8]
    m = matmul(a, b)
    y = add(m, a)
    output y)");
  const Kernel& kernel = FirstContraction(lowered.program);
  for (const auto& [read, written] : kernel.may_alias) {
    EXPECT_NE(read, kernel.stages[0].reads[kernel.as<ContractionForm>().lhs].index);
    EXPECT_NE(read, kernel.stages[0].reads[kernel.as<ContractionForm>().rhs].index);
  }
}

/// Two stages over the rows: the second may overwrite what the first reads of the same row only.
Kernel RowKernel(Index row) {
  Kernel kernel;
  const TensorType type{DType::kF32, {4, 8}};
  kernel.parameters = {{type, false}, {type, true}};
  kernel.outer = {4};
  kernel.locals = {{DType::kF32, {}}};
  const Scalar sum = Accumulator(0, DType::kF32), value = ReadScalar(0, DType::kF32);
  kernel.stages = {{.axes = {8},
                    .parallel = 0,
                    .reads = {{.index = 0, .coordinates = {std::move(row), Axis(1)}}},
                    .reducer = Reducer{{ConstantScalar(DType::kF32, 0)},
                                       {Call(ScalarOp::kAdd, {sum, value})},
                                       {Call(ScalarOp::kAdd, {sum, Other(0, DType::kF32)})}},
                    .results = {sum},
                    .stores = {{.result = 0, .local = 0}}},
                   {.axes = {8},
                    .parallel = 1,
                    .reads = {{.source = Source::kLocal, .index = 0}},
                    .results = {value},
                    .stores = {{.result = 0, .parameter = 1, .coordinates = {Axis(0), Axis(1)}}}}};
  return kernel;
}

TEST(MayAlias, EarlierStagesOfTheSameRow) {
  EXPECT_TRUE(MayAlias(RowKernel(Axis(0)), 0, 1));
  EXPECT_FALSE(MayAlias(RowKernel(Axis(0) * -1 + ConstantIndex(3)), 0, 1));
  Kernel backwards = RowKernel(Axis(0));
  std::swap(backwards.stages[0], backwards.stages[1]);
  EXPECT_FALSE(MayAlias(backwards, 0, 1));
}

// ---- schedule ----------------------------------------------------------------------------------

TEST(Schedule, SmallKernelsAreOneSerialTile) {
  const Lowered lowered = LowerText(R"(
    input a: f32[10, 2]
    input b: f32[2, 3]
    y = matmul(a, b)
    s = softmax(y)
    output s)");
  for (const Kernel& kernel : lowered.program.kernels) {
    EXPECT_EQ(kernel.schedule.tiles, 1);
    EXPECT_FALSE(kernel.schedule.parallel);
  }
}

TEST(Schedule, ContractionsFitTheRegisters) {
  for (const TargetFacts& facts : {TargetFacts{.vector_bytes = 32, .vector_registers = 16},
                                   TargetFacts{.vector_bytes = 64, .vector_registers = 32}})
    for (const int64_t m : {1, 4, 37, 128, 1000})
      for (const int64_t n : {1, 10, 64, 512}) {
        Lowered lowered = LowerText(fmt::format(R"(
          input a: f32[{}, 784]
          input b: f32[784, {}]
          y = matmul(a, b)
          output y)",
                                                m + 1, n + 1));
        Kernel kernel = FirstContraction(lowered.program);
        Schedule(kernel, facts);
        const KernelSchedule& schedule = kernel.schedule;
        const int64_t vectors = schedule.register_n / (facts.vector_bytes / 4);
        EXPECT_LE(schedule.register_m * vectors + vectors + 1, facts.vector_registers);
        EXPECT_EQ(schedule.block_m % schedule.register_m, 0);
        EXPECT_EQ(schedule.block_n % schedule.register_n, 0);
        // Either factor may lie on the lanes.
        const Shape& axes = kernel.stages[0].axes;
        const int64_t rows = axes[kernel.as<ContractionForm>().m[0]],
                      columns = axes[kernel.as<ContractionForm>().n[0]];
        const int64_t tiles = ((rows + schedule.block_m - 1) / schedule.block_m) *
                              ((columns + schedule.block_n - 1) / schedule.block_n);
        EXPECT_EQ(schedule.tiles, tiles);
        EXPECT_GT(kernel.scratch_bytes, 0);
      }
}

TEST(Schedule, LargeElementwiseIsCutIntoWholeCacheLines) {
  const Lowered lowered = LowerText(R"(
    input x: f32[1000, 1001]
    y = exp(x)
    output y)");
  const Kernel& kernel = lowered.program.kernels[0];
  EXPECT_TRUE(kernel.schedule.parallel);
  EXPECT_EQ(kernel.stages[0].axes.size(), 1U) << "both axes are run through as one";
  EXPECT_EQ(kernel.schedule.tile_extent % 64, 0);
  EXPECT_GE(kernel.schedule.tiles * kernel.schedule.tile_extent, 1001000);
  EXPECT_LT((kernel.schedule.tiles - 1) * kernel.schedule.tile_extent, 1001000);
}

int64_t TrafficOf(const std::string& body) {
  int64_t bytes = 0;
  for (const Kernel& kernel : LowerText(body).program.kernels) bytes += TrafficBytes(kernel);
  return bytes;
}

TEST(Traffic, EachTensorCountsOnce) {
  EXPECT_EQ(TrafficOf("input a: f32[8, 16]\n input b: f32[16, 24]\n y = matmul(a, b)\n output y"),
            4 * (8 * 16 + 16 * 24 + 8 * 24));
  EXPECT_EQ(TrafficOf("input a: f32[100]\n y = mul(a, a)\n output y"), 4 * 200);
}

TEST(Traffic, OfATableCountsWhatIsTaken) {
  EXPECT_EQ(TrafficOf("input table: f32[50000, 8]\n input id: i32[3]\n y = gather(table, id)\n "
                      "output y"),
            4 * (3 * 8 + 3 + 3 * 8));
}

TEST(Traffic, OfAttentionIsItsTensors) {
  EXPECT_EQ(
      TrafficOf("input q: f32[4, 64, 16]\n input k: f32[4, 64, 16]\n input v: f32[4, 64, 16]\n "
                "y: f32[4, 64, 16], s: f32[4, 64] = scaled_dot_product_attention(q, k, v)\n output "
                "y\n output s"),
      4 * (4 * 4 * 64 * 16 + 4 * 64));
}

}  // namespace
}  // namespace descent
