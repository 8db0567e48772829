#include "runtime/philox.h"

#include <gtest/gtest.h>

#include <cmath>

namespace descent::runtime {
namespace {

// Known answers of Random123 (kat_vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0}, {0, 0, 0, 0}),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomSequence, DependsOnSeedUseAndIndex) {
  auto first = [](int64_t seed, RandomUse use, int64_t index) {
    return RandomSequence(seed, use, index).Word64();
  };
  uint64_t base = first(1, RandomUse::kEpochOrder, 0);
  EXPECT_EQ(base, first(1, RandomUse::kEpochOrder, 0));
  EXPECT_NE(base, first(2, RandomUse::kEpochOrder, 0));
  EXPECT_NE(base, first(1, RandomUse::kTestSplit, 0));
  EXPECT_NE(base, first(1, RandomUse::kEpochOrder, 1));
  EXPECT_NE(base, first(1, RandomUse::kEpochOrder, int64_t{1} << 32));
}

TEST(RandomSequence, Moments) {
  RandomSequence random(7, RandomUse::kGenerator);
  constexpr int kCount = 200000;
  double sum = 0, square = 0, uniform = 0;
  for (int i = 0; i < kCount; ++i) {
    double x = random.Normal(3, 4);
    sum += x;
    square += (x - 3) * (x - 3);
    double u = random.Uniform(-1, 3);
    ASSERT_GE(u, -1);
    ASSERT_LT(u, 3);
    uniform += u;
  }
  // Bounds of six standard deviations of each estimate.
  EXPECT_NEAR(sum / kCount, 3, 6 * 2 / std::sqrt(kCount));
  EXPECT_NEAR(square / kCount, 4, 6 * 4 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(uniform / kCount, 1, 6 * 4 / std::sqrt(12.0 * kCount));
}

}  // namespace
}  // namespace descent::runtime
