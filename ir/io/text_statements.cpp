#include "ir/io/text_statements.h"

#include "ir/io/text_graph_printer.h"
#include "ir/io/text_syntax.h"

namespace descent {
namespace {

std::string Given(const std::string& op, const Attributes& attributes) {
  const OpDef* definition = FindOp(op);
  return definition == nullptr ? "" : PrintAttributes(attributes, *definition);
}

}  // namespace

std::string StatementOf(const InputBinding& input, const Model& model) {
  std::string text =
      fmt::format("input {}: {}", PrintName(input.name), Info(input.type.dtype).name);
  text += "[";
  for (int axis = 0; axis < input.type.rank(); ++axis) {
    const int64_t extent = input.type.shape[axis];
    if (axis > 0) text += ", ";
    if (axis == input.batch_axis) text += extent == model.batch ? "batch" : "batch=";
    if (axis != input.batch_axis || extent != model.batch) text += fmt::format("{}", extent);
  }
  text += "]";
  if (input.column != InputBinding().column || model.has_loss())
    text += " from " + PrintName(input.column);
  if (input.normalization != Normalization::kNone)
    text += fmt::format(" normalize {}", ToString(input.normalization));
  if (input.normalization == Normalization::kScale)
    text += fmt::format("({})", PrintFloat(input.scale));
  return text;
}

std::string StatementOf(const Slot& slot) {
  std::string text =
      fmt::format("{} {}: {}", SlotKeyword(slot.kind), PrintName(slot.name), ToString(slot.type));
  const Initializer& initializer = slot.initializer;
  if (initializer.data) {
    text += " = ";
    text += PrintTensor(*initializer.data, text.size() + kStatementIndent, kStatementIndent);
  } else if (!initializer.file.empty()) {
    text += " = file " + PrintString(initializer.file);
  } else if (!initializer.op.empty()) {
    text += " = " + PrintName(initializer.op);
    if (!initializer.attributes.empty())
      text += fmt::format("({})", Given(initializer.op, initializer.attributes));
  }
  std::string options;
  const auto option = [&](std::string_view name, const std::string& value) {
    options += fmt::format("{}{}={}", options.empty() ? "" : ", ", name, value);
  };
  if (slot.kind == SlotKind::kParameter && !slot.trainable) option("trainable", "false");
  if (slot.l1 != 0) option("l1", PrintFloat(slot.l1));
  if (slot.l2 != 0) option("l2", PrintFloat(slot.l2));
  if (slot.weight_decay) option("weight_decay", PrintFloat(*slot.weight_decay));
  if (!options.empty()) text += fmt::format(" {{{}}}", options);
  if (!slot.next.empty()) text += " -> " + PrintName(slot.next);
  return text;
}

std::string StatementOf(const Prediction& prediction) {
  std::string text = "predict " + PrintName(prediction.name);
  if (prediction.kind != PredictionKind::kValue)
    text += fmt::format(" as {}", ToString(prediction.kind));
  return text;
}

std::string StatementOf(const Metric& metric) {
  std::string arguments;
  for (const std::string& operand : metric.operands)
    arguments += (arguments.empty() ? "" : ", ") + PrintName(operand);
  if (!metric.attributes.empty())
    arguments += (arguments.empty() ? "" : ", ") + Given(metric.op, metric.attributes);
  return fmt::format("metric {} = {}({})", PrintName(metric.name), metric.op, arguments);
}

std::string StatementOf(const Update& update) {
  const auto call = [](const std::string& name, const Attributes& attributes) {
    return attributes.empty()
               ? PrintName(name)
               : fmt::format("{}({})", PrintName(name), PrintHyperparameters(attributes));
  };
  std::string text = fmt::format("train {} with {}", PrintName(update.loss),
                                 call(update.optimizer, update.hyperparameters));
  if (update.schedule != Update().schedule || !update.schedule_parameters.empty())
    text += " schedule " + call(update.schedule, update.schedule_parameters);
  if (update.clip_value) text += " clip_value " + PrintFloat(*update.clip_value);
  if (update.clip_norm) text += " clip_norm " + PrintFloat(*update.clip_norm);
  if (update.every != 1) text += fmt::format(" every {}", update.every);
  if (update.parameters != Update().parameters) text += " over " + PrintString(update.parameters);
  return text;
}

}  // namespace descent
