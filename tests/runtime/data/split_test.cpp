#include "runtime/data/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace descent::runtime {
namespace {

LoadedData Table(int64_t rows) {
  LoadedData loaded;
  loaded.data = {.origin = "table", .rows = rows};
  return loaded;
}

TEST(Split, RowsAreNeverShared) {
  auto split = SplitRows(Table(103), {.validation = 0.2, .test = 0.25, .seed = 5});
  ASSERT_TRUE(split);
  EXPECT_EQ(split->Rows(Split::kTest).size(), 25u);
  EXPECT_EQ(split->Rows(Split::kValidation).size(), 15u);  // a fifth of the remaining 78
  EXPECT_EQ(split->Rows(Split::kTrain).size(), 63u);
  std::set<int64_t> all;
  for (const auto& rows : split->rows) all.insert(rows.begin(), rows.end());
  EXPECT_EQ(all.size(), 103u);
  EXPECT_EQ(*all.rbegin(), 102);
}

TEST(Split, SeedDecides) {
  auto rows = [](int64_t seed) {
    return SplitRows(Table(50), {.validation = 0.5, .seed = seed})->Rows(Split::kValidation);
  };
  EXPECT_EQ(rows(1), rows(1));
  EXPECT_NE(rows(1), rows(2));
}

TEST(Split, Refuses) {
  EXPECT_EQ(SplitRows(Table(10), {.validation = 1}).error().status, ExitStatus::kUsage);
  EXPECT_EQ(SplitRows(Table(10), {.validation = -0.1}).error().status, ExitStatus::kUsage);
  EXPECT_FALSE(SplitRows(Table(10), {.validation = 0.05}));  // would be empty
  LoadedData with_test = Table(10);
  with_test.test = Table(5).data;
  EXPECT_FALSE(SplitRows(with_test, {.test = 0.1}));
  EXPECT_EQ(SplitRows(with_test, {})->Rows(Split::kTest).size(), 5u);
}

TEST(Split, EpochOrdersArePermutations) {
  std::vector<int64_t> rows = {3, 5, 8, 9, 20}, first, second;
  EpochOrder(rows, 1, 0, first);
  EpochOrder(rows, 1, 1, second);
  EXPECT_NE(first, second);
  std::ranges::sort(first);
  EXPECT_EQ(first, rows);
}

}  // namespace
}  // namespace descent::runtime
