#include "compiler/graph/model_facts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "compiler/graph/pipeline.h"
#include "ir/op_def.h"
#include "tests/compiler/graph/sample_models.h"

namespace descent {
namespace {

using ::descent::testing::TwoThreeOne;

const ValueFacts& Find(const ModelFacts& facts, std::string_view name) {
  const auto place = std::ranges::find(facts.values, name, &ValueFacts::name);
  EXPECT_NE(place, facts.values.end()) << name;
  return *place;
}

TEST(ModelFacts, CountMultiplicationsAndAdditionsApart) {
  const TensorType operands[] = {{DType::kF32, {10, 2}}, {DType::kF32, {2, 3}}};
  Attributes attributes;
  ASSERT_TRUE(InferTypes(*FindOp("matmul"), operands, attributes).has_value());
  EXPECT_EQ(FlopsOf(*FindOp("matmul"), operands, attributes), 10 * 3 * 2 * 2);
}

TEST(ModelFacts, CountWhatCompositesExpandTo) {
  const TensorType operands[] = {{DType::kF32, {4, 3}}, {DType::kF32, {4, 3}}};
  Attributes attributes;
  ASSERT_TRUE(InferTypes(*FindOp("mse"), operands, attributes).has_value());
  // sub and square per element, an addition per element and one division for the mean
  EXPECT_EQ(FlopsOf(*FindOp("mse"), operands, attributes), 12 + 12 + 12 + 1);
}

TEST(ModelFacts, CountsStopAtTheLargestNumber) {
  GraphBuilder innermost;
  innermost.Output("next", innermost.Add("exp", {innermost.Input("x", {DType::kF32, {2}})}));
  Graph body = std::move(innermost).Build();
  const int64_t trips = 1'000'000'000;
  const auto loop = [&](GraphBuilder& b) {
    return b.Add("for", {b.Input("x", {DType::kF32, {2}})},
                 {{"body", std::make_shared<const Graph>(body)}, {"trip_count", trips}});
  };
  for (int depth = 0; depth < 2; ++depth) {
    GraphBuilder around;
    around.Output("next", loop(around));
    body = std::move(around).Build();
  }
  const TensorType operands[] = {{DType::kF32, {2}}};
  const Attributes attributes = {{"body", std::make_shared<const Graph>(body)},
                                 {"trip_count", trips}};
  EXPECT_EQ(FlopsOf(*FindOp("for"), operands, attributes), std::numeric_limits<int64_t>::max());
}

TEST(ModelFacts, ParametersCountWhereTheyAreReadFirst) {
  Model model = TwoThreeOne();
  model.slots[1].trainable = false;
  const ModelFacts facts = FactsOf(model);
  EXPECT_EQ(facts.parameters, 9);
  EXPECT_EQ(facts.trainable_parameters, 6);
  EXPECT_EQ(facts.state_bytes, 36);
  EXPECT_EQ(facts.values[0].op, "matmul");
  EXPECT_EQ(facts.values[0].parameters, 6);
  EXPECT_EQ(Find(facts, "yhat").parameters, 0);
}

TEST(ModelFacts, KnowWhatBackwardKeeps) {
  const Model source = TwoThreeOne();
  const auto model = RunPasses(source, StandardPasses(source, "differentiated"),
                               {.pass = {.entry = "train_step"}});
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  const ModelFacts facts = FactsOf(*model);
  EXPECT_TRUE(Find(facts, "yhat").kept_for_backward);
  EXPECT_FALSE(Find(facts, "loss").kept_for_backward);
  EXPECT_GT(facts.flops[1], 0);
  EXPECT_GT(facts.kept_bytes, 0);
  EXPECT_EQ(Find(facts, "grad.W1").section, Section::kBackward);
}

}  // namespace
}  // namespace descent
