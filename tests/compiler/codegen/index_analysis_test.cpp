#include "compiler/codegen/index_analysis.h"

#include <gtest/gtest.h>

namespace descent {
namespace {

TEST(IndexAnalysis, RangesHoldAtEveryPoint) {
  const Shape extents = {5, 12};
  const Index indices[] = {Axis(0) * 12 + Axis(1),
                           FloorDiv(Axis(0) * 12 + Axis(1), 7),
                           Mod(Axis(0) * 12 + Axis(1), 7),
                           Mod(Axis(1) + ConstantIndex(14), 28),
                           Axis(0) * -3 + ConstantIndex(2),
                           FloorDiv(Axis(0) * -3 + Axis(1), 4),
                           Mod(Axis(0) + ConstantIndex(-2), 3)};
  for (const Index& index : indices) {
    const auto range = IndexRange(index, extents);
    ASSERT_TRUE(range.has_value());
    for (int64_t i = 0; i < 5; ++i)
      for (int64_t j = 0; j < 12; ++j) {
        const int64_t point[] = {i, j};
        const int64_t value = Evaluate(index, point);
        EXPECT_LE(range->low, value) << ToString(index);
        EXPECT_GE(range->high, value) << ToString(index);
      }
  }
  EXPECT_EQ(IndexRange(Mod(Axis(1) + ConstantIndex(14), 28), extents), (IndexBounds{14, 25}));
  EXPECT_FALSE(IndexRange(ReadIndex(0) + Axis(0), extents).has_value());
}

/// Where a step is claimed, neighbouring lanes really differ by it.
TEST(IndexAnalysis, LaneStepsHoldInEveryChunk) {
  const Index flat = Axis(0) * 48 + Axis(1);
  const Index indices[] = {Axis(0),
                           Axis(1) * 3,
                           FloorDiv(flat, 16),
                           Mod(flat, 16),
                           FloorDiv(flat, 24),
                           Mod(flat, 12),
                           Mod(flat, 5),
                           FloorDiv(flat, 48),
                           Mod(Axis(1) * 2, 32),
                           FloorDiv(Axis(1) * 8, 4)};
  for (int64_t alignment : {1, 4, 8})
    for (const Index& index : indices) {
      const LaneChunk chunk{.axis = 1, .lanes = 8, .alignment = alignment};
      const auto step = LaneStep(index, chunk);
      if (!step) continue;
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t j = 0; j + 8 <= 48; j += alignment)
          for (int64_t lane = 1; lane < 8; ++lane) {
            const int64_t first[] = {i, j}, other[] = {i, j + lane};
            EXPECT_EQ(Evaluate(index, other), Evaluate(index, first) + lane * *step)
                << ToString(index) << " at " << j;
          }
    }
  const LaneChunk aligned{.axis = 1, .lanes = 8, .alignment = 8};
  EXPECT_EQ(LaneStep(Mod(flat, 16), aligned), 1);
  EXPECT_EQ(LaneStep(FloorDiv(flat, 16), aligned), 0);
  EXPECT_EQ(LaneStep(Mod(flat, 12), aligned), std::nullopt);
}

TEST(IndexAnalysis, ReadsThatVaryHaveNoStep) {
  const LaneChunk chunk{.axis = 0, .lanes = 8, .alignment = 8};
  EXPECT_EQ(LaneStep(ReadIndex(3), chunk), 0);
  EXPECT_EQ(LaneStep(ReadIndex(3), chunk, {3}), std::nullopt);
}

}  // namespace
}  // namespace descent
