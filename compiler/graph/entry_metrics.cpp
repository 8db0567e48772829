#include "compiler/graph/entry_metrics.h"

#include "compiler/graph/specialize.h"
#include "ir/op_def.h"

namespace descent {

std::vector<Metric> ReportedMetrics(const Model& model) {
  std::vector<Metric> metrics = {
      {.name = "loss", .op = "loss_mean", .operands = {model.updates[0].loss}, .attributes = {}}};
  metrics.insert(metrics.end(), model.metrics.begin(), model.metrics.end());
  return metrics;
}

Result<Model> MetricsEntry(Model model, const PassOptions& options) {
  // The sums' types are those of evaluate's outputs; what the operands were decides how to finish.
  PassOptions evaluate_options = options;
  evaluate_options.entry = "evaluate";
  DESCENT_TRY(evaluate, Specialize(model, evaluate_options));

  Model result = model;
  result.entry = "metrics";
  ForgetTask(result);
  for (Slot& slot : result.slots) slot.next.clear();

  GraphBuilder b;
  for (const Metric& metric : ReportedMetrics(model)) {
    const OpDef* op = FindOp(metric.op);
    if (op == nullptr || !op->is_metric())
      return Error("metric {}: {} is no metric", Quoted(metric.name), Quoted(metric.op));
    std::vector<TensorType> types;
    for (const std::string& operand : metric.operands) {
      const NamedValue* value = model.graph.FindOutput(operand);
      if (value == nullptr) value = model.graph.FindInput(operand);
      types.push_back(model.graph.type(value->value));
    }
    Attributes attributes = metric.attributes;
    DESCENT_TRY(checked, InferTypes(*op, types, attributes));
    const std::string name = "metric." + metric.name;
    const TensorType type = evaluate.graph.type(evaluate.graph.FindOutput(name)->value);
    const Value sums = b.Input(name, type);
    result.inputs.push_back({.name = name, .type = type, .batch_axis = -1, .column = name});
    b.SetOrigin(metric.name, Section::kForward);
    b.Output(metric.name, op->finish(b, OpContext{types, attributes}, sums)[0]);
    b.SetOrigin("", Section::kForward);
  }
  result.graph = std::move(b).Build();
  return result;
}

}  // namespace descent
