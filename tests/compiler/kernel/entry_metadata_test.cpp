#include "compiler/kernel/entry_metadata.h"

#include <gtest/gtest.h>

#include <vector>

#include "ir/expr.h"

namespace descent {
namespace {

/// "0 to 1": the range of the graph input y of type `type`, whose values `use` makes a loss of.
std::string RangeOf(TensorType type, Value (*use)(GraphBuilder&, Value y, Value p)) {
  GraphBuilder b;
  const Value p = b.Input("p", {DType::kF32, {4, 1}});
  const Value y = b.Input("y", std::move(type));
  b.Output("loss", use(b, y, p));
  std::vector<EntryInput> inputs(1);
  inputs[0].binding.name = "y";
  FindValueRanges(std::move(b).Build(), inputs);
  const auto [lowest, highest] = inputs[0].range;
  return fmt::format("{} to {}", lowest, highest);
}

TEST(ValueRange, TargetOfAProbabilityLoss) {
  const TensorType numbers = {DType::kF32, {4, 1}};
  EXPECT_EQ(
      RangeOf(numbers, [](GraphBuilder& b, Value y, Value p) { return b.Add("bce", {p, y}); }),
      "0 to 1");
  EXPECT_EQ(RangeOf(numbers, [](GraphBuilder& b, Value y,
                                Value p) { return b.Add("bce_with_logits", {p, y}); }),
            "0 to 1");
  // The prediction, a loss of other numbers, and what is computed of the input have none.
  EXPECT_EQ(
      RangeOf(numbers, [](GraphBuilder& b, Value y, Value p) { return b.Add("bce", {y, p}); }),
      "0 to 0");
  EXPECT_EQ(
      RangeOf(numbers, [](GraphBuilder& b, Value y, Value p) { return b.Add("mse", {p, y}); }),
      "0 to 0");
  EXPECT_EQ(RangeOf(numbers, [](GraphBuilder& b, Value y,
                                Value p) { return b.Add("bce", {p, b.Add("sigmoid", {y})}); }),
            "0 to 0");
}

TEST(ValueRange, IsFollowedThroughCastsAndLayouts) {
  EXPECT_EQ(RangeOf({DType::kI64, {4, 1}},
                    [](GraphBuilder& b, Value y, Value p) {
                      Attributes to;
                      to.Set("to", DType::kF32);
                      return b.Add("bce", {p, b.Add("cast", {y}, to)});
                    }),
            "0 to 1");
  // A composite: unsqueeze expands to reshape.
  EXPECT_EQ(RangeOf({DType::kF32, {4}},
                    [](GraphBuilder& b, Value y, Value p) {
                      Attributes axes;
                      axes.Set("axes", std::vector<int64_t>{1});
                      return b.Add("bce", {p, b.Add("unsqueeze", {y}, axes)});
                    }),
            "0 to 1");
}

TEST(ValueRange, EachInputHasItsOwnAlsoWhereOneOperatorReadsAll) {
  GraphBuilder b;
  const TensorType type = {DType::kF32, {4, 1}};
  const Value p = b.Input("p", type), y = b.Input("y", type), z = b.Input("z", type);
  b.Output("both", b.Add("mse", {y, z}));
  b.Output("bounded", b.Add("bce", {p, y}));
  b.Output("free", b.Add("mse", {p, z}));
  std::vector<EntryInput> inputs(3);
  inputs[0].binding.name = "y";
  inputs[1].binding.name = "z";
  inputs[2].binding.name = "no input of the graph";
  FindValueRanges(std::move(b).Build(), inputs);
  EXPECT_EQ(inputs[0].range.highest, 1);
  EXPECT_EQ(inputs[1].range.highest, 0);
  EXPECT_EQ(inputs[2].range.highest, 0);
}

}  // namespace
}  // namespace descent
