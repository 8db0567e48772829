#include "compiler/graph/gradient_model.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "compiler/graph/differentiate.h"
#include "compiler/graph/specialize.h"
#include "ir/autodiff.h"

namespace descent {
namespace {

bool IsFloat(const TensorType& type) { return Info(type.dtype).is_float; }

}  // namespace

std::string CotangentName(const std::string& output) { return "cotangent." + output; }

Result<Model> GradientModel(const Model& source) {
  Model model = source;
  model.predictions.clear();
  model.metrics.clear();
  model.updates.clear();
  for (Slot& slot : model.slots) slot.next.clear();
  // Gradients of parameters mix the rows of the batch, and none of them is padding.
  ForgetBatch(model);
  DESCENT_TRY(run, Specialize(model, {.entry = "run"}));
  run.inputs = std::move(model.inputs);

  GraphBuilder b;
  std::vector<Value> inputs, wanted;
  std::vector<std::string> names;
  // Those that no output depends on, too: their gradients are zeros.
  for (const NamedValue& input : model.graph.inputs()) {
    const TensorType& type = model.graph.type(input.value);
    const Value value = b.Input(input.name, type);
    if (run.graph.FindInput(input.name) != nullptr) inputs.push_back(value);
    if (!IsFloat(type)) continue;
    wanted.push_back(value);
    names.push_back(input.name);
  }
  DESCENT_TRY(values, Inline(run.graph, inputs, b));
  std::vector<Cotangent> outputs;
  for (const NamedValue& output : run.graph.outputs()) {
    const TensorType& type = run.graph.type(output.value);
    if (!IsFloat(type) || source.FindReplaced(output.name) != nullptr) continue;
    const std::string name = CotangentName(output.name);
    run.inputs.push_back({.name = name, .type = type});
    outputs.push_back({values[output.value.node][output.value.result], b.Input(name, type)});
  }
  DESCENT_TRY(gradients, ReverseWalk(b, outputs, wanted));
  for (size_t i = 0; i < gradients.size(); ++i) b.Output(GradientName(names[i]), gradients[i]);
  run.graph = std::move(b).Build();
  run.entry.clear();
  for (Slot& slot : run.slots) slot.next.clear();
  DESCENT_RETURN_IF_ERROR(Verify(run));
  return run;
}

}  // namespace descent
