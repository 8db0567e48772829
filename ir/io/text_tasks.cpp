// Statements of the text IR that say what is computed, predicted, measured and trained.
#include <algorithm>
#include <limits>
#include <set>

#include "ir/io/text_model_parser.h"
#include "ir/suggest.h"

namespace descent {

Result<void> ModelParser::Output(std::string above) {
  DESCENT_TRY(name, cursor_.ExpectName("the name of an output"));
  Token source = name;
  if (cursor_.Accept("=")) {
    DESCENT_TRY(value_name, graph_.ExpectValueName("a value"));
    source = value_name;
  }
  DESCENT_TRY(value, graph_.Resolve(scope_, source));
  if (!outputs_.try_emplace(name.Name(), true).second)
    return std::unexpected(
        cursor_.ErrorAt(name, fmt::format("output {} is given twice", Quoted(name.Name()))));
  scope_.builder.Output(name.Name(), value);
  return FinishKeyed("output " + name.Name(), std::move(above));
}

Result<void> ModelParser::Predict(std::string above) {
  static constexpr PredictionKind kKinds[] = {PredictionKind::kValue, PredictionKind::kProbability,
                                              PredictionKind::kProbabilities};
  Prediction prediction;
  DESCENT_TRY(name, cursor_.ExpectName("the name of the predicted value"));
  prediction.name = name.Name();
  if (cursor_.AcceptWord("as")) {
    const auto kind = std::ranges::find_if(
        kKinds, [&](PredictionKind each) { return cursor_.AcceptWord(ToString(each)); });
    if (kind == std::end(kKinds))
      return std::unexpected(cursor_.Unexpected("value, probability or probabilities"));
    prediction.kind = *kind;
  }
  DESCENT_RETURN_IF_ERROR(FinishObject(prediction, std::move(above)));
  predicted_.push_back(name);
  model_.predictions.push_back(std::move(prediction));
  return {};
}

Result<void> ModelParser::MetricStatement(std::string above) {
  Metric metric;
  DESCENT_TRY(name, cursor_.ExpectName("the name of the metric"));
  metric.name = name.Name();
  DESCENT_RETURN_IF_ERROR(cursor_.Expect("=", "after the name of a metric"));
  const Token op_name = cursor_.Peek();
  if (op_name.kind != TokenKind::kName) return std::unexpected(cursor_.Unexpected("a metric"));
  const OpDef* op = FindOp(op_name.text);
  if (op == nullptr || !op->is_metric()) {
    std::vector<std::string_view> known;
    for (const OpFamily& family : OpFamilies())
      for (const OpDef& each : family.ops)
        if (each.is_metric()) known.push_back(each.name);
    std::string hint = DidYouMean(op_name.text, known);
    if (hint.empty()) hint = fmt::format("the metrics are {}", fmt::join(known, ", "));
    return std::unexpected(cursor_.ErrorAt(
        op_name, fmt::format("{} is not a metric", Quoted(op_name.text)), std::move(hint)));
  }
  metric.op = cursor_.Take().Name();
  DESCENT_RETURN_IF_ERROR(cursor_.Expect("(", "before the operands of a metric"));
  cursor_.Open();
  while (!cursor_.Peek().Is(")") && !cursor_.Peek(1).Is("=")) {
    DESCENT_TRY(operand, cursor_.ExpectName("the name of a value"));
    metric.operands.push_back(operand.Name());
    measured_.push_back(operand);
    if (!cursor_.Accept(",") && !cursor_.Peek().Is(")"))
      return std::unexpected(cursor_.Unexpected("',' or ')' in a metric"));
  }
  DESCENT_RETURN_IF_ERROR(CallAttributes(*op, metric.attributes, {}));
  cursor_.Close();
  cursor_.Take();
  DESCENT_RETURN_IF_ERROR(FinishObject(metric, std::move(above)));
  model_.metrics.push_back(std::move(metric));
  return {};
}

Result<Attributes> ModelParser::Hyperparameters() {
  Attributes attributes;
  if (!cursor_.Accept("(")) return attributes;
  cursor_.Open();
  while (!cursor_.Peek().Is(")")) {
    DESCENT_TRY(name, cursor_.ExpectName("the name of a hyperparameter"));
    DESCENT_RETURN_IF_ERROR(cursor_.Expect("=", "after the name of a hyperparameter"));
    if (attributes.Find(name.Name()) != nullptr)
      return std::unexpected(
          cursor_.ErrorAt(name, fmt::format("{} is given twice", Quoted(name.Name()))));
    DESCENT_TRY(value, literals_.Hyperparameter(name.Name()));
    attributes.Set(name.Name(), std::move(value));
    if (!cursor_.Accept(",") && !cursor_.Peek().Is(")"))
      return std::unexpected(cursor_.Unexpected("',' or ')' in the hyperparameters"));
  }
  cursor_.Close();
  cursor_.Take();
  return attributes;
}

Result<void> ModelParser::UpdateClause(Update& update, bool& any) {
  any = true;
  if (cursor_.AcceptWord("schedule")) {
    DESCENT_TRY(name, cursor_.ExpectName("the name of a schedule"));
    update.schedule = name.Name();
    DESCENT_TRY(parameters, Hyperparameters());
    update.schedule_parameters = std::move(parameters);
  } else if (cursor_.AcceptWord("clip_value")) {
    DESCENT_TRY(bound, literals_.Number("the bound of clip_value"));
    update.clip_value = bound;
  } else if (cursor_.AcceptWord("clip_norm")) {
    DESCENT_TRY(bound, literals_.Number("the bound of clip_norm"));
    update.clip_norm = bound;
  } else if (cursor_.AcceptWord("every")) {
    DESCENT_TRY(every,
                cursor_.ExpectInt("a number of steps", 1, std::numeric_limits<int64_t>::max()));
    update.every = every;
  } else if (cursor_.AcceptWord("over")) {
    DESCENT_TRY(pattern, cursor_.ExpectName("a pattern of parameter names"));
    update.parameters = pattern.Name();
  } else {
    any = false;
  }
  return {};
}

Result<void> ModelParser::Train(std::string above) {
  Update update;
  DESCENT_TRY(loss, cursor_.ExpectName("the name of the loss"));
  update.loss = loss.Name();
  losses_.push_back(loss);
  if (!cursor_.AcceptWord("with"))
    return std::unexpected(cursor_.Unexpected("'with' and an optimizer after the loss"));
  DESCENT_TRY(optimizer, cursor_.ExpectName("the name of an optimizer"));
  update.optimizer = optimizer.Name();
  DESCENT_TRY(hyperparameters, Hyperparameters());
  update.hyperparameters = std::move(hyperparameters);
  std::set<std::string_view> given;
  for (bool any = true; any;) {
    const Token clause = cursor_.Peek();
    DESCENT_RETURN_IF_ERROR(UpdateClause(update, any));
    if (any && !given.insert(clause.text).second)
      return std::unexpected(
          cursor_.ErrorAt(clause, fmt::format("{} is given twice", Quoted(clause.text))));
  }
  DESCENT_RETURN_IF_ERROR(FinishObject(update, std::move(above)));
  model_.updates.push_back(std::move(update));
  return {};
}

}  // namespace descent
