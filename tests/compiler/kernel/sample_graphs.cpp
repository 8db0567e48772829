#include "tests/compiler/kernel/sample_graphs.h"

#include <fmt/format.h>

#include "compiler/kernel/lower_model.h"
#include "ir/autodiff.h"

namespace descent {

/// The sample's results and, where there is one, the gradient of the sum of result 0 for each float
/// operand.
Result<Graph> GraphWithGradients(const OpSample& sample) {
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

std::vector<std::byte> SampleState(const KernelProgram& program) {
  std::vector<std::byte> state(program.state_bytes);
  for (const StateSlot& slot : program.state) {
    std::byte* data = state.data() + slot.offset;
    if (slot.name == kSeedSlot) StoreInt(slot.type.dtype, data, 0, kSampleValues.seed);
    if (slot.name == kStepSlot) StoreInt(slot.type.dtype, data, 0, kSampleValues.step);
    if (slot.name == kLearningRateSlot)
      StoreDouble(slot.type.dtype, data, 0, kSampleValues.learning_rate);
  }
  return state;
}

}  // namespace descent
