#include "compiler/graph/append_optimizer.h"

#include <gtest/gtest.h>

#include "compiler/graph/differentiate.h"
#include "compiler/graph/expand.h"
#include "compiler/graph/specialize.h"
#include "tests/compiler/graph/sample_models.h"

namespace descent {
namespace {

using ::descent::testing::InputNames;
using ::descent::testing::OutputNames;
using ::descent::testing::TwoThreeOne;

Result<Model> TrainStepOf(const Model& source) {
  DESCENT_TRY(model, Specialize(source, {.entry = "train_step"}));
  while (PendingUpdate(model)) {
    DESCENT_TRY(differentiated, Differentiate(model, {}));
    DESCENT_TRY(appended, AppendOptimizer(differentiated, {}));
    model = std::move(appended);
  }
  return Expand(model, {});
}

TEST(AppendOptimizer, GivesNextValues) {
  const auto model = TrainStepOf(TwoThreeOne());
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(OutputNames(*model), "loss next.W1 next.W2 next.step");
  EXPECT_EQ(model->FindSlot("W1")->next, "next.W1");
}

TEST(AppendOptimizer, AddsSlots) {
  Model source = TwoThreeOne();
  source.updates[0].optimizer = "adam";
  const auto model = TrainStepOf(source);
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(InputNames(*model), "x y W1 W2 W1.m W1.v W2.m W2.v");
  EXPECT_EQ(model->FindSlot("W2.v")->next, "next.W2.v");
  EXPECT_EQ(model->slots.size(), StateSlots(source).size());
}

TEST(AppendOptimizer, ASecondUpdateSeesTheParametersOfTheFirst) {
  Model source = TwoThreeOne();
  source.updates.push_back(source.updates[0]);
  const auto model = TrainStepOf(source);
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(OutputNames(*model), "loss next.W1 next.W2 next.step");
}

}  // namespace
}  // namespace descent
