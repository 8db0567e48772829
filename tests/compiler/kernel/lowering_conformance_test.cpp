// Every sample of every operator, and its gradients, lowered with and without fusion: the
// interpreter's values.

#include <gtest/gtest.h>

#include "compiler/graph/expand.h"
#include "tests/compiler/kernel/lowering_harness.h"
#include "tests/compiler/kernel/program_interpreter.h"
#include "tests/compiler/kernel/sample_graphs.h"
#include "tests/ir/samples/parameters.h"

namespace descent {
namespace {

double ToleranceOf(const Tensor& tensor) { return tensor.dtype() == DType::kF64 ? 1e-11 : 3e-5; }

class LoweringConformance : public testing::TestWithParam<OpFamily> {};
INSTANTIATE_TEST_SUITE_P(All, LoweringConformance, testing::ValuesIn(OpFamilies()), FamilyName());

TEST_P(LoweringConformance, SamplesAndTheirGradients) {
  for (const OpSample& sample : SamplesOf(GetParam())) {
    SCOPED_TRACE(Describe(sample));
    const auto graph = GraphWithGradients(sample);
    ASSERT_TRUE(graph) << graph.error().message;
    const std::vector<Tensor> inputs = SampleOperands(sample);
    const auto expected = Interpret(*graph, inputs, kSampleValues);
    ASSERT_TRUE(expected) << expected.error().message;
    auto expanded = ExpandGraph(*graph);
    ASSERT_TRUE(expanded) << expanded.error().message;
    const Model model = RunModel(std::move(*expanded));
    for (const bool fuse : {false, true}) {
      const Lowered lowered = LowerModel(model, fuse);
      std::vector<std::byte> state = SampleState(lowered.program);
      const ProgramRun run = RunProgram(lowered.program, lowered.program.entries[0], state, inputs,
                                        kSampleValues.valid_rows);
      EXPECT_EQ(run.bad_index, expected->bad_index);
      EXPECT_EQ(run.not_finite, expected->not_finite);
      ASSERT_EQ(run.outputs.size(), expected->outputs.size());
      for (size_t i = 0; i < run.outputs.size(); ++i)
        ExpectClose(run.outputs[i], expected->outputs[i], ToleranceOf(run.outputs[i]),
                    (fuse ? "fused " : "unfused ") + graph->outputs()[i].name);
    }
  }
}

}  // namespace
}  // namespace descent
