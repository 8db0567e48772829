#include "ir/model.h"

#include <gtest/gtest.h>

namespace descent {
namespace {

TEST(MatchesPattern, Globs) {
  EXPECT_TRUE(MatchesPattern("*", ""));
  EXPECT_TRUE(MatchesPattern("gen.*", "gen.W1"));
  EXPECT_TRUE(MatchesPattern("*.W?", "gen.conv.W2"));
  EXPECT_TRUE(MatchesPattern("a*b*c", "a.b.b.c"));
  EXPECT_FALSE(MatchesPattern("gen.*", "disc.W1"));
  EXPECT_FALSE(MatchesPattern("", "W"));
  EXPECT_FALSE(MatchesPattern("W", "W1"));
}

TEST(MatchesPattern, ManyStarsStayQuick) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "a*";
  EXPECT_FALSE(MatchesPattern(pattern + "b", std::string(5000, 'a')));
}

TEST(Model, FindsByName) {
  Model model;
  model.slots.push_back({.name = "W1"});
  model.inputs.push_back({.name = "x"});
  EXPECT_EQ(model.FindSlot("W1"), &model.slots[0]);
  EXPECT_EQ(model.FindSlot("x"), nullptr);
  EXPECT_EQ(model.FindInput("x"), &model.inputs[0]);
  EXPECT_EQ(ToString(SlotKind::kStatistic), "statistic");
  EXPECT_EQ(ToString(Normalization::kMinMax), "min_max");
  EXPECT_EQ(ToString(PredictionKind::kProbabilities), "probabilities");
}

// The same nodes in another order are the same graph; another constant makes another graph.
TEST(SameGraph, IgnoresTheOrderOfNodes) {
  const auto build = [](bool constant_first, double value) {
    GraphBuilder b;
    Value x = {}, c = {};
    if (constant_first) c = b.Constant(Tensor::Scalar(DType::kF32, value));
    x = b.Input("x", {DType::kF32, {2}});
    if (!constant_first) c = b.Constant(Tensor::Scalar(DType::kF32, value));
    b.Output("x", x);
    b.Output("c", c);
    return std::move(b).Build();
  };
  EXPECT_TRUE(SameGraph(build(true, 1), build(false, 1)));
  EXPECT_FALSE(SameGraph(build(true, 1), build(false, 2)));
  EXPECT_FALSE(SameGraph(build(true, 0.0), build(true, -0.0)));
}

}  // namespace
}  // namespace descent
