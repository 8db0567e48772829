#include "compiler/codegen/lane_step.h"

#include <gtest/gtest.h>

namespace descent {
namespace {

/// Where a step is claimed, neighbouring lanes really differ by it.
TEST(LaneStep, HoldsInEveryChunk) {
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

TEST(LaneStep, ReadsThatVaryHaveNoStep) {
  const LaneChunk chunk{.axis = 0, .lanes = 8, .alignment = 8};
  EXPECT_EQ(LaneStep(ReadIndex(3), chunk), 0);
  EXPECT_EQ(LaneStep(ReadIndex(3), chunk, {3}), std::nullopt);
}

}  // namespace
}  // namespace descent
