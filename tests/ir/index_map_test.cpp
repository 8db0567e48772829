#include "ir/index_map.h"

#include <gtest/gtest.h>

#include <random>

namespace descent {
namespace {

TEST(SimplifyIndex, ReshapesVanish) {
  const Index flat = Axis(0) * 6 + Axis(1);
  EXPECT_TRUE(SameIndex(Simplify(FloorDiv(flat, 6), Shape{4, 6}), Axis(0)));
  EXPECT_TRUE(SameIndex(Simplify(Mod(flat, 6), Shape{4, 6}), Axis(1)));
  const Index back = FloorDiv(Axis(0), 6) * 6 + Mod(Axis(0), 6);
  EXPECT_TRUE(SameIndex(Simplify(back, Shape{24}), Axis(0)));
}

TEST(SimplifyIndex, DelinearizeAndLinearizeIsIdentity) {
  const Shape shape{3, 5, 7, 2};
  const Index linear = LinearIndex(Delinearize(Axis(0), shape), shape);
  EXPECT_EQ(ToString(Simplify(linear, Shape{210})), "i0");
}

TEST(SimplifyIndex, UnitAxesAndEqualTermsMerge) {
  const Index index = Axis(0) + Axis(1) * 3 + Axis(0) * -1 + Axis(2);
  EXPECT_EQ(ToString(Simplify(index, Shape{4, 5, 1})), "i1 * 3");
}

TEST(SimplifyIndex, UndoesLinearization) {
  const Shape extents = {10, 28, 28};
  const Index linear = (Axis(0) * 28 + Axis(1)) * 28 + Axis(2);
  EXPECT_EQ(ToString(Simplify(FloorDiv(linear, 784), extents)), "i0");
  EXPECT_EQ(ToString(Simplify(Mod(FloorDiv(linear, 28), 28), extents)), "i1");
  EXPECT_EQ(ToString(Simplify(Mod(linear, 28), extents)), "i2");
}

TEST(SimplifyIndex, DividesByACommonFactor) {
  const Index index = FloorDiv(Axis(0) * 4 + Axis(1), 12);
  EXPECT_EQ(ToString(Simplify(index, Shape{6, 4})), ToString(FloorDiv(Axis(0), 3)));
}

TEST(SimplifyIndex, TakesNestedQuotientsApartOnce) {
  // Looking at each level twice would make 2^80 steps.
  constexpr int64_t kExtent = 35;
  Index index = Axis(0);
  int64_t sum = 0;
  for (int64_t shift = 1; shift <= 80; ++shift) {
    index = Mod(index + ConstantIndex(shift), kExtent);
    sum += shift;
  }
  const Index simple = Simplify(index, Shape{kExtent});
  for (int64_t i = 0; i < kExtent; ++i) {
    const int64_t point[] = {i};
    EXPECT_EQ(Evaluate(simple, point), (i + sum) % kExtent);
  }
}

/// Agrees with the index it came from at every point.
TEST(SimplifyIndex, KeepsItsValue) {
  const Shape extents = {3, 4, 5};
  const Index linear = Axis(0) * 20 + Axis(1) * 5 + Axis(2);
  const Index indices[] = {FloorDiv(linear, 6),
                           Mod(linear, 6),
                           FloorDiv(linear + ConstantIndex(-7), 10),
                           Mod(linear + ConstantIndex(-7), 10),
                           Mod(FloorDiv(linear, 5), 4),
                           FloorDiv(Mod(linear, 20), 10) * 3 + Axis(1) * -1,
                           FloorDiv(Mod(linear, 30), 7),
                           Mod(Axis(0) * 10 + Axis(1) * 2, 4)};
  for (const Index& index : indices) {
    const Index simple = Simplify(index, extents);
    for (int64_t i = 0; i < 60; ++i) {
      const int64_t point[] = {i / 20, i / 5 % 4, i % 5};
      EXPECT_EQ(Evaluate(index, point), Evaluate(simple, point)) << ToString(index);
    }
  }
}

/// A random index over three axes, divisors included.
Index RandomIndex(std::mt19937& random, int depth) {
  const auto below = [&](int n) { return static_cast<int>(random() % n); };
  if (depth == 0) return below(3) == 0 ? ConstantIndex(below(9) - 4) : Axis(below(3));
  switch (below(4)) {
    case 0:
      return RandomIndex(random, depth - 1) + RandomIndex(random, depth - 1);
    case 1:
      return RandomIndex(random, depth - 1) * (below(13) - 4);
    case 2:
      return FloorDiv(RandomIndex(random, depth - 1), 1 + below(12));
    default:
      return Mod(RandomIndex(random, depth - 1), 1 + below(12));
  }
}

TEST(SimplifyIndex, KeepsValuesAndBoundsThem) {
  std::mt19937 random(7);
  const Shape extents{3, 4, 6};
  for (int round = 0; round < 2000; ++round) {
    const Index index = RandomIndex(random, 4);
    const Index simple = Simplify(index, extents);
    const auto range = RangeOf(simple, extents);
    ASSERT_TRUE(range.has_value());
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t j = 0; j < 4; ++j)
        for (int64_t k = 0; k < 6; ++k) {
          const int64_t point[] = {i, j, k};
          const int64_t value = Evaluate(simple, point);
          ASSERT_EQ(value, Evaluate(index, point)) << ToString(index) << " -> " << ToString(simple);
          ASSERT_LE(range->low, value);
          ASSERT_GE(range->high, value);
        }
  }
}

TEST(RangeOf, HoldsAtEveryPoint) {
  const Shape extents = {5, 12};
  const Index indices[] = {Axis(0) * 12 + Axis(1),
                           FloorDiv(Axis(0) * 12 + Axis(1), 7),
                           Mod(Axis(0) * 12 + Axis(1), 7),
                           Mod(Axis(1) + ConstantIndex(14), 28),
                           Axis(0) * -3 + ConstantIndex(2),
                           FloorDiv(Axis(0) * -3 + Axis(1), 4),
                           Mod(Axis(0) + ConstantIndex(-2), 3)};
  for (const Index& index : indices) {
    const auto range = RangeOf(index, extents);
    ASSERT_TRUE(range.has_value());
    for (int64_t i = 0; i < 5; ++i)
      for (int64_t j = 0; j < 12; ++j) {
        const int64_t point[] = {i, j};
        const int64_t value = Evaluate(index, point);
        EXPECT_LE(range->low, value) << ToString(index);
        EXPECT_GE(range->high, value) << ToString(index);
      }
  }
  EXPECT_EQ(RangeOf(Mod(Axis(1) + ConstantIndex(14), 28), extents), (IndexInterval{14, 25}));
  EXPECT_FALSE(RangeOf(ReadIndex(0) + Axis(0), extents).has_value());
}

}  // namespace
}  // namespace descent
