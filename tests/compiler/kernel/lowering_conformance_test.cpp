// Every sample of every operator, and its gradients, lowered with and without fusion: the
// interpreter's values.

#include <gtest/gtest.h>

#include <cmath>

#include "compiler/graph/expand.h"
#include "ir/autodiff.h"
#include "tests/compiler/kernel/lowering_harness.h"
#include "tests/compiler/kernel/program_interpreter.h"
#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

/// The sample's results and, where there is one, the gradient of the sum of result 0 for each float
/// operand.
Result<Graph> WithGradients(const OpSample& sample) {
  DESCENT_TRY(source, SampleGraph(sample));
  GraphBuilder b;
  std::vector<Value> inputs, wanted;
  for (const NamedValue& input : source.inputs()) {
    inputs.push_back(b.Input(input.name, source.type(input.value)));
    if (Info(b.dtype(inputs.back())).is_float) wanted.push_back(inputs.back());
  }
  DESCENT_TRY(map, Inline(source, inputs, b));
  for (const NamedValue& output : source.outputs())
    b.Output(output.name, map[output.value.node][output.value.result]);
  const Value first = map[source.outputs()[0].value.node][source.outputs()[0].value.result];
  if (Info(b.dtype(first)).is_float && !wanted.empty()) {
    const TensorType type = b.type(first);
    const Value ones = b.Constant(Tensor::Full(type, 1));
    const Cotangent cotangent{first, ones};
    if (const auto gradients = ReverseWalk(b, {&cotangent, 1}, wanted))
      for (size_t i = 0; i < gradients->size(); ++i)
        b.Output(fmt::format("g{}", i), (*gradients)[i]);
  }
  return std::move(b).Build();
}

void ExpectSame(const Tensor& got, const Tensor& want, const std::string& what) {
  ASSERT_EQ(got.type(), want.type()) << what;
  const double tolerance = want.dtype() == DType::kF64 ? 1e-11 : 3e-5;
  for (int64_t i = 0; i < got.elements(); ++i) {
    const double g = got.GetDouble(i), w = want.GetDouble(i);
    if (g == w || (std::isnan(g) && std::isnan(w))) continue;
    ASSERT_NEAR(g, w, tolerance * std::max(1.0, std::abs(w))) << what << " element " << i;
  }
}

void SetSlot(const KernelProgram& program, std::vector<std::byte>& state, std::string_view name,
             double value) {
  for (const StateSlot& slot : program.state)
    if (slot.name == name) StoreDouble(slot.type.dtype, state.data() + slot.offset, 0, value);
}

TEST(LoweringConformance, SamplesAndTheirGradients) {
  int lowered_samples = 0;
  for (const OpSample& sample : AllSamples()) {
    SCOPED_TRACE(Describe(sample));
    const auto graph = WithGradients(sample);
    ASSERT_TRUE(graph) << graph.error().message;
    const std::vector<Tensor> inputs = SampleOperands(sample);
    const auto expected = Interpret(*graph, inputs, kSampleValues);
    ASSERT_TRUE(expected) << expected.error().message;
    auto expanded = ExpandGraph(*graph);
    ASSERT_TRUE(expanded) << expanded.error().message;
    const Model model = RunModel(std::move(*expanded));
    for (const bool fuse : {false, true}) {
      const Lowered lowered = LowerModel(model, fuse);
      std::vector<std::byte> state(lowered.program.state_bytes);
      SetSlot(lowered.program, state, kSeedSlot, static_cast<double>(kSampleValues.seed));
      SetSlot(lowered.program, state, kStepSlot, static_cast<double>(kSampleValues.step));
      SetSlot(lowered.program, state, kLearningRateSlot, kSampleValues.learning_rate);
      const ProgramRun run = RunProgram(lowered.program, lowered.program.entries[0], state, inputs,
                                        kSampleValues.valid_rows);
      EXPECT_EQ(run.bad_index, expected->bad_index);
      ASSERT_EQ(run.outputs.size(), expected->outputs.size());
      for (size_t i = 0; i < run.outputs.size(); ++i)
        ExpectSame(run.outputs[i], expected->outputs[i],
                   (fuse ? "fused " : "unfused ") + graph->outputs()[i].name);
    }
    ++lowered_samples;
  }
  EXPECT_GT(lowered_samples, 100);
}

}  // namespace
}  // namespace descent
