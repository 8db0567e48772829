#include "runtime/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "tests/runtime/fake_program.h"

namespace descent::runtime {
namespace {

TEST(Evaluation, ScalarText) {
  descent_output output = {{"accuracy", DESCENT_F64, 0, nullptr}, DESCENT_OUTPUT_METRIC, -1};
  double value = 0.89124;
  Metric metric = {&output, reinterpret_cast<const std::byte*>(&value)};
  EXPECT_EQ(MetricText(metric, {}), "accuracy 0.8912\n");
  EXPECT_EQ(MetricsJson({&metric, 1}, {}), R"({"accuracy": 0.89124, "classes": []})");
  value = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(MetricsJson({&metric, 1}, {"a"}), R"({"accuracy": null, "classes": ["a"]})");
}

TEST(Evaluation, ConfusionMatrixText) {
  constexpr int64_t kDims[] = {2, 2};
  descent_output output = {{"confusion_matrix", DESCENT_F64, 2, kDims}, DESCENT_OUTPUT_METRIC, -1};
  const double counts[] = {850, 12, 3, 900};
  Metric metric = {&output, reinterpret_cast<const std::byte*>(counts)};
  EXPECT_EQ(MetricText(metric, {"cat", "elephant"}),
            "confusion_matrix (rows: true class, columns: predicted)\n"
            "              cat elephant\n"
            "     cat      850       12\n"
            "elephant        3      900\n");
  EXPECT_EQ(MetricText(metric, {}),
            "confusion_matrix (rows: true class, columns: predicted)\n"
            "            0      1\n"
            "     0    850     12\n"
            "     1      3    900\n");
  EXPECT_EQ(MetricsJson({&metric, 1}, {"cat"}),
            R"({"confusion_matrix": [[850, 12], [3, 900]], "classes": ["cat"]})");
}

// A partial last batch counts only its own rows: any number of rows gives the mean over exactly
// these.
TEST(Evaluation, PartialBatches) {
  Program program = *Program::Open(FakeProgram({.normalization = DESCENT_NORMALIZE_NONE}));
  State state = *State::Make(program);
  auto* w = reinterpret_cast<float*>(state.Bytes(*program.FindSlot("w")).data());
  w[0] = 1;
  w[1] = 2;
  Dataset data = {.origin = "table", .rows = 21};
  std::vector<float> x, y;
  for (int row = 0; row < 21; ++row) {
    x.insert(x.end(), {static_cast<float>(row), 1});
    y.push_back(static_cast<float>(row % 5));
  }
  data.columns.push_back(MakeColumn("features", ColumnRole::kFeature, DESCENT_F32, {2}, x));
  data.columns.push_back(MakeColumn("label", ColumnRole::kLabel, DESCENT_F32, {}, y));
  auto prepared = Prepare(data, DataInputs({program.Find("evaluate")}), {});
  ASSERT_TRUE(prepared);
  for (int threads : {1, 3}) {
    auto executor = Executor::Make(threads, BindCaller::kNo);
    for (int64_t count : {1, 7, 8, 9, 16, 21}) {
      std::vector<int64_t> rows(static_cast<size_t>(count));
      std::iota(rows.begin(), rows.end(), 21 - count);
      auto evaluator = Evaluator::Make(program, **executor, &*prepared, rows);
      ASSERT_TRUE(evaluator) << evaluator.error().ToString();
      double square = 0, absolute = 0;
      for (int64_t row : rows) {
        double error = static_cast<double>(row) + 2 - static_cast<double>(row % 5);
        square += error * error;
        absolute += std::abs(error);
      }
      for (int repeat = 0; repeat < 2; ++repeat) {
        EXPECT_EQ((*evaluator)->Run(state), 0u);
        EXPECT_DOUBLE_EQ((*evaluator)->loss(), square / static_cast<double>(count));
        EXPECT_DOUBLE_EQ((*evaluator)->metrics()[1].At(0), absolute / static_cast<double>(count));
      }
    }
  }
}

}  // namespace
}  // namespace descent::runtime
