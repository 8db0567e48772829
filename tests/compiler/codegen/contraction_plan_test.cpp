#include "compiler/codegen/contraction_plan.h"

#include <gtest/gtest.h>

#include "tests/compiler/codegen/contraction_testing.h"

namespace descent {
namespace {

ContractionPlan PlanOf(const MatmulShape& shape) {
  Kernel kernel = MatmulKernel(shape);
  kernel.schedule.register_m = 6;
  kernel.schedule.register_n = 16;
  return PlanContraction(kernel, {.vector_bytes = 32, .vector_registers = 16});
}

TEST(ContractionPlan, PanelsDifferByOneUnitAtMost) {
  EXPECT_EQ(PanelsOf(12, 6, 1), (Panels{{6, 2}}));
  EXPECT_EQ(PanelsOf(128, 6, 1), (Panels{{6, 18}, {5, 4}}));
  EXPECT_EQ(PanelsOf(40, 24, 8), (Panels{{24, 1}, {16, 1}}));
  EXPECT_EQ(PanelsOf(10, 16, 8), (Panels{{10, 1}}));
  EXPECT_EQ(PanelsOf(33, 24, 8), (Panels{{24, 1}, {9, 1}}));
  EXPECT_EQ(PanelsOf(0, 6, 1), Panels{});
}

TEST(ContractionPlan, PanelsCoverEveryCount) {
  for (int64_t unit : {1, 8})
    for (int64_t size : {1, 2, 3})
      for (int64_t count = 1; count < 100; ++count) {
        int64_t covered = 0;
        for (const auto& [extent, number] : PanelsOf(count, size * unit, unit)) {
          EXPECT_TRUE(extent >= 1 && extent <= size * unit && number >= 1);
          covered += extent * number;
        }
        EXPECT_EQ(covered, count);
      }
}

TEST(ContractionPlan, RowsFarApartArePacked) {
  const ContractionPlan forward = PlanOf({128, 512, 784});
  EXPECT_EQ(forward.lhs.packing, Packing::kNone);
  EXPECT_EQ(forward.rhs.packing, Packing::kPanel);
  EXPECT_EQ(forward.rhs.k_stride, 16);
  const ContractionPlan input_gradient = PlanOf({128, 512, 512, false, true});
  EXPECT_EQ(input_gradient.rhs.packing, Packing::kTransposedPanel);
  const ContractionPlan weight_gradient = PlanOf({784, 512, 128, true, false});
  EXPECT_EQ(weight_gradient.lhs.packing, Packing::kBlock);
  EXPECT_EQ(weight_gradient.lhs.row_stride, 1);
  EXPECT_EQ(weight_gradient.rhs.packing, Packing::kPanel);
}

TEST(ContractionPlan, RowsOnPagesOfTheirOwnArePackedForFewReaders) {
  Kernel kernel = MatmulKernel({784, 32, 128, true, false});
  kernel.schedule.register_m = 6;
  kernel.schedule.register_n = 16;
  kernel.schedule.block_n = 32;
  const TargetFacts facts{.vector_bytes = 32, .vector_registers = 16};
  EXPECT_EQ(PlanContraction(kernel, facts).lhs.packing, Packing::kNone);
  Kernel far = MatmulKernel({1024, 32, 128, true, false});
  far.schedule = kernel.schedule;
  EXPECT_EQ(PlanContraction(far, facts).lhs.packing, Packing::kBlock);
}

/// All tiles above each other read the same columns; sums in several blocks of K come back to them
/// for other rows, and what the cache does not hold is not worth keeping.
TEST(ContractionPlan, PanelsAreKeptForTilesThatShareThem) {
  Kernel kernel = MatmulKernel({256, 512, 256, false, true});
  kernel.schedule.register_m = 6;
  kernel.schedule.register_n = 16;
  kernel.schedule.block_k = 256;
  kernel.schedule.block_m = 66;
  kernel.schedule.block_n = 128;
  TargetFacts facts{.vector_bytes = 32, .vector_registers = 16, .l2_bytes = 512 << 10};
  const ContractionPlan plan = PlanContraction(kernel, facts);
  EXPECT_TRUE(plan.rhs.keeps_panels);
  const int64_t panels = 128 / 16 * plan.panel_elements() * 4;
  EXPECT_EQ(plan.partial_offset - plan.rhs.scratch_offset, panels);
  facts.l2_bytes = panels;
  EXPECT_FALSE(PlanContraction(kernel, facts).rhs.keeps_panels);
  facts.l2_bytes = 512 << 10;
  kernel.schedule.block_m = 256;
  EXPECT_FALSE(PlanContraction(kernel, facts).rhs.keeps_panels) << "one tile";
  kernel.schedule.block_m = 66;
  kernel.schedule.block_k = 128;
  EXPECT_FALSE(PlanContraction(kernel, facts).rhs.keeps_panels) << "two blocks of K";
}

TEST(ContractionPlan, WhatFitsTheCacheIsReadInPlace) {
  const ContractionPlan plan = PlanOf({64, 64, 64});
  EXPECT_FALSE(plan.lhs.packed());
  EXPECT_FALSE(plan.rhs.packed());
  EXPECT_FALSE(PlanOf({5, 512, 512}).rhs.packed()) << "too few rows to use a copy";
}

}  // namespace
}  // namespace descent
