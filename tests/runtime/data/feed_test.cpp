#include "runtime/data/feed.h"

#include <gtest/gtest.h>

namespace descent::runtime {
namespace {

uint32_t DoNothing(const descent_call*) { return 0; }

constexpr int64_t kX[] = {3, 2}, kSequence[] = {2, 3, 1}, kWhole[] = {4, 2};
const descent_input kInputs[] = {
    {.tensor = {"x", DESCENT_F32, 2, kX}, .batch_axis = 0, .column = "features"},
    {.tensor = {"s", DESCENT_F32, 3, kSequence}, .batch_axis = 1, .column = "features"},
    {.tensor = {"w", DESCENT_F32, 2, kWhole}, .batch_axis = -1, .column = "features"},
};
const descent_entry kEntry = {
    .name = "run", .run = DoNothing, .batch = 3, .input_count = 3, .inputs = kInputs};

Dataset Table() {
  Dataset data = {.origin = "table", .rows = 5};
  data.columns.push_back(MakeColumn<float>("features", ColumnRole::kFeature, DESCENT_F32, {2},
                                           {0, 1, 10, 11, 20, 21, 30, 31, 40, 41}));
  return data;
}

std::vector<float> Input(const EntryCall& call, int64_t i) {
  const auto* values = reinterpret_cast<const float*>(call.input(i));
  return std::vector<float>(values, values + ElementCount(kInputs[i].tensor));
}

TEST(Feed, FillsEveryBatchAxisAndRepeatsRowZero) {
  auto executor = Executor::Make(1, BindCaller::kNo);
  auto call = EntryCall::Make(kEntry, **executor);
  Dataset data = Table();
  auto prepared = Prepare(data, DataInputs({&kEntry}), {});
  ASSERT_TRUE(prepared) << prepared.error().ToString();
  auto feed = Feed::Make(*call, *prepared, {0, 1, 3, 4});
  ASSERT_TRUE(feed) << feed.error().ToString();
  EXPECT_EQ(Input(*call, 2), (std::vector<float>{0, 1, 10, 11, 30, 31, 40, 41}));

  std::vector<int64_t> rows = {4, 1, 0};
  feed->Fill(rows, **executor);
  EXPECT_EQ(Input(*call, 0), (std::vector<float>{40, 41, 10, 11, 0, 1}));
  EXPECT_EQ(Input(*call, 1), (std::vector<float>{40, 10, 0, 41, 11, 1}));
  feed->Fill(std::span(rows).first(1), **executor);
  EXPECT_EQ(Input(*call, 0), (std::vector<float>{40, 41, 40, 41, 40, 41}));

  auto wrong = Feed::Make(*call, *prepared, {0, 1});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message,
            "input 'w' is [4, 2] and takes all rows at once, but there are 2");
}

TEST(Feed, LargeBatchesAreFilledByAllThreads) {
  constexpr int64_t kRows = 300, kColumns = 100;
  static constexpr int64_t kDims[] = {256, kColumns};
  static const descent_input kLarge = {
      .tensor = {"x", DESCENT_F32, 2, kDims}, .batch_axis = 0, .column = "features"};
  descent_entry entry = {
      .name = "run", .run = DoNothing, .batch = 256, .input_count = 1, .inputs = &kLarge};
  std::vector<float> values(kRows * kColumns);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  Dataset data = {.rows = kRows};
  data.columns.push_back(
      MakeColumn("features", ColumnRole::kFeature, DESCENT_F32, {kColumns}, values));
  auto executor = Executor::Make(3, BindCaller::kNo);
  auto call = EntryCall::Make(entry, **executor);
  auto prepared = Prepare(data, DataInputs({&entry}), {});
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < 256; ++i) rows.push_back(kRows - 1 - i);
  auto feed = Feed::Make(*call, *prepared, rows);
  ASSERT_TRUE(feed);
  feed->Fill(rows, **executor);
  const auto* filled = reinterpret_cast<const float*>(call->input(0));
  for (int64_t i = 0; i < 256 * kColumns; ++i) {
    ASSERT_EQ(filled[i], values[rows[i / kColumns] * kColumns + i % kColumns]);
  }
}

}  // namespace
}  // namespace descent::runtime
