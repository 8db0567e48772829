#include <gtest/gtest.h>

#include "compiler/codegen/contraction_plan.h"
#include "compiler/kernel/schedule.h"
#include "tests/compiler/codegen/contraction_testing.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

constexpr DType kF32 = DType::kF32, kF64 = DType::kF64;

class ContractionEmitter : public testing::TestWithParam<std::tuple<bool, bool>> {
 protected:
  MatmulShape Shape(int64_t m, int64_t n, int64_t k, int64_t batch = 1) {
    return {m, n, k, std::get<0>(GetParam()), std::get<1>(GetParam()), batch};
  }
};
INSTANTIATE_TEST_SUITE_P(Transposes, ContractionEmitter,
                         testing::Combine(testing::Bool(), testing::Bool()));

TEST_P(ContractionEmitter, EverySize) {
  for (int64_t m : {1, 3, 17})
    for (int64_t n : {1, 7, 8, 9, 16, 33})
      for (int64_t k : {1, 5, 8, 24}) {
        Kernel kernel = MatmulKernel(Shape(m, n, k));
        ExpectMatchesReference(kernel, Patterns(kernel), 1e-5);
      }
}

TEST_P(ContractionEmitter, BlocksOfAllAxes) {
  Kernel kernel = MatmulKernel(Shape(45, 77, 70));
  AddBiasRelu(kernel, 77);
  kernel.schedule.register_m = 5;
  kernel.schedule.register_n = 16;
  const std::vector<Tensor> values = Patterns(kernel);
  for (int64_t block_k : {70, 32, 7}) {
    kernel.schedule.block_k = block_k;
    kernel.schedule.block_m = 20;
    kernel.schedule.block_n = 32;
    ExpectMatchesReference(kernel, values, 1e-5);
    const Tensor small = RunCompiled(kernel, values).values[2];
    kernel.schedule.block_m = 45;
    kernel.schedule.block_n = 77;
    EXPECT_TRUE(RunCompiled(kernel, values).values[2] == small) << "blocks change bits";
  }
}

/// Rows that lie far apart: operands are packed as panels and blocks, K is odd and in blocks.
TEST_P(ContractionEmitter, PackedOperands) {
  for (int64_t block_k : {153, 50}) {
    Kernel kernel = MatmulKernel(Shape(32, 66, 153));
    AddBiasRelu(kernel, 66);
    kernel.schedule.block_k = block_k;
    ExpectMatchesReference(kernel, Patterns(kernel), 1e-4);
  }
}

/// Tiles that lie above each other read the same packed panels, whose widths differ: the last tile
/// has fewer rows, the last block of columns fewer panels, and each batch index starts anew.
TEST_P(ContractionEmitter, PanelsThatTilesShare) {
  Kernel kernel = MatmulKernel(Shape(93, 211, 153, 2));
  kernel.schedule.register_m = 4;
  kernel.schedule.register_n = 48;
  kernel.schedule.block_k = 153;
  kernel.schedule.block_m = 20;
  kernel.schedule.block_n = 144;
  const ContractionPlan plan = PlanContraction(kernel, NativeTarget().facts);
  EXPECT_TRUE(plan.rhs.keeps_panels);
  EXPECT_EQ(plan.tiles_m, 5);
  const std::vector<Tensor> values = Patterns(kernel);
  ExpectMatchesReference(kernel, values, 1e-4);
  const Tensor shared = RunCompiled(kernel, values).values[2];
  kernel.schedule.block_m = 93;
  EXPECT_FALSE(PlanContraction(kernel, NativeTarget().facts).rhs.keeps_panels);
  EXPECT_TRUE(RunCompiled(kernel, values).values[2] == shared) << "blocks change bits";
}

TEST_P(ContractionEmitter, Batches) {
  Kernel kernel = MatmulKernel(Shape(9, 19, 13, 5));
  kernel.schedule.block_m = 6;
  ExpectMatchesReference(kernel, Patterns(kernel), 1e-5);
}

TEST_P(ContractionEmitter, Doubles) {
  Kernel kernel = MatmulKernel(Shape(14, 21, 30), kF64);
  ExpectMatchesReference(kernel, Patterns(kernel), 1e-13);
}

TEST(ContractionEmitter, EmptyExtents) {
  for (const MatmulShape& shape : {MatmulShape{0, 5, 3}, MatmulShape{5, 0, 3}}) {
    Kernel kernel = MatmulKernel(shape);
    ExpectMatchesReference(kernel, Patterns(kernel), 0);
  }
  Kernel kernel = MatmulKernel({5, 9, 0});
  AddBiasRelu(kernel, 9);
  ExpectMatchesReference(kernel, Patterns(kernel), 0);
}

/// SGD inside the gradient's kernel: w and its momentum are read and written in place.
TEST(ContractionEmitter, UpdateInTheEpilogue) {
  Kernel kernel = MatmulKernel({30, 21, 40, true, false});
  Stage& stage = kernel.stages[0];
  kernel.parameters.push_back({{kF32, {30, 21}}, true});
  stage.reads.push_back(ReadOf(2, Axes(0, 2)));
  stage.reads.push_back(ReadOf(3, Axes(0, 2)));
  const Scalar momentum =
      Call(ScalarOp::kAdd, {Call(ScalarOp::kMul, {ReadScalar(3, kF32), ConstantScalar(kF32, 0.9)}),
                            Accumulator(0, kF32)});
  stage.results = {
      Call(ScalarOp::kSub,
           {ReadScalar(2, kF32), Call(ScalarOp::kMul, {momentum, ConstantScalar(kF32, 0.1)})}),
      momentum};
  stage.stores.push_back({1, -1, 3, Axes(0, 2)});
  ExpectMatchesReference(kernel, Patterns(kernel), 1e-5);
}

/// (a + 1) * exp(b): factors that are expressions are evaluated while packing.
TEST(ContractionEmitter, PrologueInPacking) {
  Kernel kernel = MatmulKernel({11, 18, 23});
  const Scalar a = Call(ScalarOp::kAdd, {ReadScalar(0, kF32), ConstantScalar(kF32, 1)});
  const Scalar b = Call(ScalarOp::kExp, {ReadScalar(1, kF32)});
  kernel.stages[0].reducer->step = {
      Call(ScalarOp::kAdd, {Accumulator(0, kF32), Call(ScalarOp::kMul, {a, b})})};
  ExpectMatchesReference(kernel, Patterns(kernel), 1e-5);
}

TEST(ContractionEmitter, Convolutions) {
  for (int64_t stride : {1, 2})
    for (int64_t padding : {0, 1}) {
      Kernel forward = ConvolutionKernel(3, 2, 11, 5, 3, stride, padding);
      ExpectMatchesReference(forward, Patterns(forward), 1e-5);
      Kernel weights = ConvolutionWeightsKernel(3, 2, 11, 5, 3, stride, padding);
      ExpectMatchesReference(weights, Patterns(weights), 1e-4);
    }
  Kernel blocks = ConvolutionWeightsKernel(4, 3, 16, 9, 3, 1, 1);
  blocks.schedule.block_k = 100;
  blocks.schedule.block_n = 8;
  blocks.schedule.block_m = 4;
  ExpectMatchesReference(blocks, Patterns(blocks), 1e-4);
  Kernel large = ConvolutionKernel(2, 3, 28, 10, 5, 1, 2);
  large.schedule.block_n = 100;
  ExpectMatchesReference(large, Patterns(large), 1e-5);
}

/// Pixels are summed over: the image's rows lie along K, so that the gradients of the outputs are
/// what lies on the lanes.
TEST(ContractionEmitter, LanesOfAWeightGradient) {
  Kernel narrow = ConvolutionWeightsKernel(2, 3, 14, 16, 3, 1, 1), kernel = narrow;
  Schedule(narrow, (*ResolveTarget("x86-64-v3"))->facts);
  EXPECT_EQ(narrow.as<ContractionForm>().rhs, 1);
  EXPECT_EQ(narrow.as<ContractionForm>().n, std::vector<int>{0});
  Schedule(kernel, NativeTarget().facts);
  ExpectMatchesReference(kernel, Patterns(kernel), 1e-4);
}

}  // namespace
}  // namespace descent
