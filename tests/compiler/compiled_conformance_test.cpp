// Every sample of every operator, its gradients, and models over all families, compiled: the
// interpreter's values.

#include <gtest/gtest.h>

#include "compiler/graph/expand.h"
#include "tests/compiler/compiled_entry.h"
#include "tests/compiler/kernel/lowered_models.h"
#include "tests/compiler/kernel/lowering_harness.h"
#include "tests/compiler/kernel/sample_graphs.h"
#include "tests/ir/samples/parameters.h"

namespace descent {
namespace {

double ToleranceOf(const Tensor& tensor) { return tensor.dtype() == DType::kF64 ? 1e-9 : 3e-5; }

class CompiledConformance : public testing::TestWithParam<Operator> {};
INSTANTIATE_TEST_SUITE_P(All, CompiledConformance, testing::ValuesIn(AllOperators()),
                         OperatorName());

TEST_P(CompiledConformance, SamplesAndTheirGradients) {
  const auto target = ResolveTarget("native");
  ASSERT_TRUE(target) << target.error().message;
  for (const OpSample& sample : SamplesOf(*GetParam().op)) {
    SCOPED_TRACE(Describe(sample));
    const auto graph = GraphWithGradients(sample);
    ASSERT_TRUE(graph) << graph.error().message;
    const std::vector<Tensor> inputs = SampleOperands(sample);
    const auto expected = Interpret(*graph, inputs, kSampleValues);
    ASSERT_TRUE(expected) << expected.error().message;
    auto expanded = ExpandGraph(*graph);
    ASSERT_TRUE(expanded) << expanded.error().message;
    const Lowered lowered = LowerModel(RunModel(std::move(*expanded)), true);
    const auto jit = JitProgram::Load(lowered.program, **target);
    ASSERT_TRUE(jit) << jit.error().message;
    std::vector<std::byte> state = SampleState(lowered.program);
    const ProgramRun run = RunCompiledEntry(lowered.program, jit->program().entries[0], state,
                                            inputs, kSampleValues.valid_rows);
    EXPECT_EQ(run.bad_index, expected->bad_index);
    EXPECT_EQ(run.not_finite, expected->not_finite);
    for (size_t i = 0; i < run.outputs.size(); ++i)
      ExpectClose(run.outputs[i], expected->outputs[i], ToleranceOf(run.outputs[i]),
                  graph->outputs()[i].name);
  }
}

class CompiledModels : public testing::TestWithParam<ModelSample> {};

TEST_P(CompiledModels, GiveTheInterpretersValues) {
  const ModelSample& sample = GetParam();
  const Model model = OptimizedModel(sample.text, sample.entry);
  ASSERT_FALSE(model.graph.outputs().empty());
  ExpectSameAsInterpreter(model, std::max(sample.tolerance, 1e-9), CompiledRunner());
}

INSTANTIATE_TEST_SUITE_P(All, CompiledModels, testing::ValuesIn(ModelSamples()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace descent
