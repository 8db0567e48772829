// Models over all operator families: lowered with and without fusion they give the interpreter's
// values.
#include "tests/compiler/kernel/lowered_models.h"

#include <gtest/gtest.h>

#include "tests/compiler/kernel/lowering_harness.h"

namespace descent {
namespace {

class LoweredModels : public testing::TestWithParam<ModelSample> {};

TEST_P(LoweredModels, GiveTheInterpretersValues) {
  const ModelSample& sample = GetParam();
  const Model model = OptimizedModel(sample.text, sample.entry);
  ASSERT_FALSE(model.graph.outputs().empty());
  EXPECT_LE(ExpectSameAsInterpreter(model, sample.tolerance), sample.max_calls);
}

INSTANTIATE_TEST_SUITE_P(All, LoweredModels, testing::ValuesIn(ModelSamples()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace descent
