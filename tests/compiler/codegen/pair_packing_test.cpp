// Contractions of factors that are rounded to bf16: sums of pairs where the CPU has them, widened
// factors where it has not.
#include "compiler/codegen/contraction_plan.h"

#include <gtest/gtest.h>

#include <array>

#include "compiler/kernel/schedule.h"
#include "tests/compiler/codegen/contraction_testing.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

constexpr DType kF32 = DType::kF32, kBF16 = DType::kBF16;

bool UsesPairs(const Kernel& kernel) { return PlanContraction(kernel, NativeTarget().facts).pairs; }

class PairPacking : public testing::TestWithParam<std::tuple<bool, bool, DType, DType>> {
 protected:
  Kernel Matmul(int64_t m, int64_t n, int64_t k, int64_t batch = 1) const {
    const auto [transpose_a, transpose_b, lhs, rhs] = GetParam();
    Kernel kernel = MatmulKernel({m, n, k, transpose_a, transpose_b, batch});
    RoundFactors(kernel, lhs, rhs);
    return kernel;
  }
};
INSTANTIATE_TEST_SUITE_P(Sources, PairPacking,
                         testing::Combine(testing::Bool(), testing::Bool(),
                                          testing::Values(kF32, kBF16),
                                          testing::Values(kF32, kBF16)));

TEST_P(PairPacking, SeveralSizes) {
  for (const auto& [m, n, k] :
       {std::array{1, 33, 66}, {3, 7, 5}, {17, 16, 24}, {40, 33, 33}, {17, 2, 1}, {5, 66, 2}}) {
    Kernel kernel = Matmul(m, n, k);
    ExpectMatchesReference(kernel, Patterns(kernel), 1e-5);
  }
}

TEST_P(PairPacking, PanelsThatTilesShare) {
  Kernel kernel = Matmul(45, 150, 71);
  kernel.schedule.register_m = 5;
  kernel.schedule.register_n = 64;
  kernel.schedule.block_k = 71;
  kernel.schedule.block_m = 20;
  if (UsesPairs(kernel)) {
    EXPECT_TRUE(PlanContraction(kernel, NativeTarget().facts).rhs.keeps_panels);
  }
  ExpectMatchesReference(kernel, Patterns(kernel), 1e-5);
}

TEST_P(PairPacking, BlocksOfAllAxes) {
  for (int64_t k : {70, 71}) {
    Kernel kernel = Matmul(45, 77, k);
    AddBiasRelu(kernel, 77);
    kernel.schedule.register_m = 5;
    kernel.schedule.register_n = 32;
    const std::vector<Tensor> values = Patterns(kernel);
    for (int64_t block_k : {71, 32}) {
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
}

TEST_P(PairPacking, Batches) {
  Kernel kernel = Matmul(9, 19, 13, 5);
  kernel.schedule.block_m = 6;
  ExpectMatchesReference(kernel, Patterns(kernel), 1e-5);
}

/// Packing takes bf16 and f32; what is converted otherwise is so before it is packed.
TEST(PairPacking, OtherTypesAreConvertedFirst) {
  for (const bool transpose : {false, true})
    for (const auto& [lhs, rhs] : {std::pair{DType::kF64, kBF16},
                                   {kBF16, DType::kF64},
                                   {DType::kF16, kBF16},
                                   {kBF16, DType::kF16}}) {
      Kernel kernel = MatmulKernel({17, 18, 20, transpose, transpose});
      RoundFactors(kernel, lhs, rhs);
      ExpectMatchesReference(kernel, Patterns(kernel), 1e-5);
    }
  // f32 -> f16 -> bf16 rounds twice.
  Kernel twice = MatmulKernel({17, 18, 20, true, false});
  RoundFactors(twice, kF32, kBF16);
  const Scalar product = twice.stages[0].reducer->step[0]->arguments[1];
  const Scalar lhs = Cast(kF32, Cast(kBF16, Cast(DType::kF16, ReadScalar(0, kF32))));
  twice.stages[0].reducer->step = {Call(
      ScalarOp::kAdd, {Accumulator(0, kF32), Call(ScalarOp::kMul, {lhs, product->arguments[1]})})};
  ExpectMatchesReference(twice, Patterns(twice), 1e-6);
}

TEST(PairPacking, IsUsedWhereTheTargetHasIt) {
  Kernel kernel = MatmulKernel({32, 32, 32});
  RoundFactors(kernel, kBF16, kF32);
  for (const Target& target : AllTargets()) {
    Schedule(kernel, target.facts);
    EXPECT_EQ(PlanContraction(kernel, target.facts).pairs, target.facts.bf16_pairs) << target.name;
  }
  Kernel plain = MatmulKernel({32, 32, 32});
  EXPECT_FALSE(UsesPairs(plain));
  Kernel one_rounded = MatmulKernel({32, 32, 32});
  RoundFactors(one_rounded, kF32, kF32);
  const Scalar rounded = one_rounded.stages[0].reducer->step[0]->arguments[1]->arguments[0];
  one_rounded.stages[0].reducer->step = {
      Call(ScalarOp::kAdd,
           {Accumulator(0, kF32), Call(ScalarOp::kMul, {rounded, ReadScalar(1, kF32)})})};
  EXPECT_FALSE(UsesPairs(one_rounded));
  ExpectMatchesReference(one_rounded, Patterns(one_rounded), 1e-5);
}

}  // namespace
}  // namespace descent
