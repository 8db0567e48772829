#include "runtime/bench/made_up_input.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace descent::runtime {
namespace {

constexpr int64_t kCount = 1000;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename T>
std::vector<T> Drawn(int32_t dtype, int64_t index_limit, double lowest, double highest) {
  const descent_input input = {.tensor = {.name = "x", .dtype = dtype, .rank = 1, .dims = &kCount},
                               .index_limit = index_limit,
                               .lowest = lowest,
                               .highest = highest};
  std::vector<T> values(kCount);
  RandomSequence random(1, RandomUse::kGenerator);
  MakeUp(input, random, reinterpret_cast<std::byte*>(values.data()));
  return values;
}

TEST(MadeUpInput, IndicesAreBelowTheirLimitAndReachIt) {
  const auto labels = Drawn<int64_t>(DESCENT_I64, 10, 0, 0);
  EXPECT_EQ(std::ranges::min(labels), 0);
  EXPECT_EQ(std::ranges::max(labels), 9);
  for (float id : Drawn<float>(DESCENT_F32, 3, 0, 0)) EXPECT_EQ(id, std::floor(id));
}

TEST(MadeUpInput, NumbersLieInTheirRange) {
  const auto targets = Drawn<float>(DESCENT_F32, 0, 0, 1);
  EXPECT_GE(std::ranges::min(targets), 0);
  EXPECT_LE(std::ranges::max(targets), 1);
  EXPECT_GE(std::ranges::min(Drawn<double>(DESCENT_F64, 0, 2, kInfinity)), 2);
  EXPECT_LE(std::ranges::max(Drawn<double>(DESCENT_F64, 0, -kInfinity, -1)), -1);
  const auto whole = Drawn<int32_t>(DESCENT_I32, 0, 3, 7);
  EXPECT_GE(std::ranges::min(whole), 3);
  EXPECT_LE(std::ranges::max(whole), 7);
}

TEST(MadeUpInput, OtherFloatsAreNormalAndOtherIntegersBits) {
  const auto normal = Drawn<double>(DESCENT_F64, 0, 0, 0);
  EXPECT_LT(std::ranges::min(normal), -1.5);
  EXPECT_GT(std::ranges::max(normal), 1.5);
  EXPECT_EQ(normal, Drawn<double>(DESCENT_F64, 0, -kInfinity, kInfinity));
  for (uint8_t bit : Drawn<uint8_t>(DESCENT_BOOL, 0, 0, 0)) EXPECT_LE(bit, 1);
}

}  // namespace
}  // namespace descent::runtime
