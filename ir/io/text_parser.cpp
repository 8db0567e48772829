#include "ir/io/text_parser.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "ir/io/text_cursor.h"
#include "ir/io/text_graph_parser.h"
#include "ir/io/text_literal.h"
#include "ir/io/text_syntax.h"
#include "ir/suggest.h"

namespace descent {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int64_t>::max();

class ModelParser {
 public:
  ModelParser(std::string_view text, std::string file)
      : cursor_(text, std::move(file)), literals_(cursor_), graph_(cursor_, literals_) {}

  Result<Model> Parse();

 private:
  /// A statement of a model; called behind its keyword with the comment lines above it.
  using Statement = Result<void> (ModelParser::*)(std::string above);
  struct Keyword {
    std::string_view word;
    Statement parse;
  };
  static std::span<const Keyword> Keywords();

  Result<void> Header();
  Result<void> Block();
  Result<void> OneStatement(std::string above);

  Result<void> Batch(std::string above);
  Result<void> EvaluateBatch(std::string above);
  Result<void> PredictBatch(std::string above);
  Result<void> KeepPartialBatch(std::string above);
  Result<void> Entry(std::string above);
  Result<void> Gradient(std::string above);
  Result<void> Section(std::string above);
  Result<void> Input(std::string above);
  Result<void> Parameter(std::string above) { return DeclareSlot(SlotKind::kParameter, above); }
  Result<void> Statistic(std::string above) { return DeclareSlot(SlotKind::kStatistic, above); }
  Result<void> State(std::string above) { return DeclareSlot(SlotKind::kOptimizer, above); }
  Result<void> Output(std::string above);
  Result<void> Predict(std::string above);
  Result<void> MetricStatement(std::string above);
  Result<void> Train(std::string above);

  Result<void> BatchSize(int64_t& size, std::string_view keyword, std::string above);
  Result<void> DeclareSlot(SlotKind kind, std::string above);
  Result<void> SlotInitializer(Slot& slot);
  Result<void> SlotOptions(Slot& slot);
  Result<void> Normalize(InputBinding& input);
  /// Makes the declared name a graph input, unless the word `unread` follows.
  Result<void> DeclareInput(const Token& name, const TensorType& type);
  Result<void> CallAttributes(const OpDef& op, Attributes& attributes,
                              std::span<const std::string_view> hidden);
  Result<Attributes> Hyperparameters();
  Result<void> UpdateClause(Update& update, bool& any);
  /// The end of a statement that makes `object`, which gets its comments and place.
  template <typename T>
  Result<void> FinishObject(T& object, std::string above);
  /// The end of a statement that has no object: its comments are kept under `key`.
  Result<void> FinishKeyed(std::string key, std::string above);
  void Keep(std::string key, std::string above, std::string trailing);

  Result<Model> Finish();
  Result<void> Require(const Token& name);

  TextCursor cursor_;
  LiteralParser literals_;
  GraphParser graph_;
  GraphScope scope_;
  Model model_;
  SourceLocation location_;  ///< of the statement being read
  std::unordered_map<std::string, bool> outputs_;
  /// Names that must be graph outputs of a source model; in the order of docs/ir.md.
  std::vector<Token> predicted_, measured_, losses_, next_;
};

// ---- the frame ----------------------------------------------------------------------------------

std::span<const ModelParser::Keyword> ModelParser::Keywords() {
  static const std::vector<Keyword> kKeywords = {
      {"batch", &ModelParser::Batch},
      {"evaluate_batch", &ModelParser::EvaluateBatch},
      {"predict_batch", &ModelParser::PredictBatch},
      {"keep_partial_batch", &ModelParser::KeepPartialBatch},
      {"entry", &ModelParser::Entry},
      {"gradient", &ModelParser::Gradient},
      {"section", &ModelParser::Section},
      {"input", &ModelParser::Input},
      {SlotKeyword(SlotKind::kParameter), &ModelParser::Parameter},
      {SlotKeyword(SlotKind::kStatistic), &ModelParser::Statistic},
      {SlotKeyword(SlotKind::kOptimizer), &ModelParser::State},
      {"output", &ModelParser::Output},
      {"predict", &ModelParser::Predict},
      {"metric", &ModelParser::MetricStatement},
      {"train", &ModelParser::Train},
  };
  return kKeywords;
}

void ModelParser::Keep(std::string key, std::string above, std::string trailing) {
  if (above.empty() && trailing.empty()) return;
  model_.comments.push_back({std::move(key), std::move(above), std::move(trailing)});
}

Result<void> ModelParser::FinishKeyed(std::string key, std::string above) {
  DESCENT_TRY(comments, cursor_.FinishStatement(std::move(above)));
  Keep(std::move(key), std::move(comments.above), std::move(comments.trailing));
  return {};
}

template <typename T>
Result<void> ModelParser::FinishObject(T& object, std::string above) {
  DESCENT_TRY(comments, cursor_.FinishStatement(std::move(above)));
  object.comment = std::move(comments.above);
  object.trailing = std::move(comments.trailing);
  object.location = location_;
  return {};
}

Result<void> ModelParser::Header() {
  model_.comment = cursor_.TakeCommentLines();
  const Token start = cursor_.Peek();
  if (!cursor_.AcceptWord("descent"))
    return std::unexpected(cursor_.Unexpected(
        "'descent 1'", "a model starts with the version of its format: descent 1"));
  const Token version = cursor_.Peek();
  DESCENT_TRY(number, cursor_.ExpectInt("a format version", 1, kMaxInt));
  if (number > kFormatVersion) {
    Diagnostic diagnostic =
        cursor_.ErrorAt(version,
                        fmt::format("format version {} is newer than {}, the newest known here",
                                    number, kFormatVersion),
                        "update Descent to read this file");
    diagnostic.status = ExitStatus::kUnsupported;
    return std::unexpected(std::move(diagnostic));
  }
  return FinishKeyed("descent", "");
}

Result<void> ModelParser::Block() {
  std::string above = cursor_.TakeCommentLines();
  if (!cursor_.AcceptWord("model")) return std::unexpected(cursor_.Unexpected("'model'"));
  DESCENT_TRY(name, cursor_.ExpectName("the name of the model"));
  model_.name = name.Name();
  DESCENT_RETURN_IF_ERROR(cursor_.Expect("{", "after the name of the model"));
  Keep("model", std::move(above), cursor_.TakeTrailing());
  for (above = cursor_.TakeCommentLines(); !cursor_.Peek().Is("}");
       above = cursor_.TakeCommentLines())
    DESCENT_RETURN_IF_ERROR(OneStatement(std::move(above)));
  cursor_.Take();
  DESCENT_RETURN_IF_ERROR(FinishKeyed("}", std::move(above)));
  Keep("end", cursor_.TakeCommentLines(), "");
  if (cursor_.Peek().kind != TokenKind::kEnd)
    return std::unexpected(cursor_.Unexpected("the end of the file", "a file holds one model"));
  return {};
}

Result<void> ModelParser::OneStatement(std::string above) {
  if (graph_.AtDefinition()) return graph_.Definition(scope_, std::move(above));
  const Token first = cursor_.Peek();
  if (first.kind != TokenKind::kName)
    return std::unexpected(cursor_.Unexpected("a statement or '}'"));
  std::vector<std::string_view> words;
  for (const Keyword& keyword : Keywords()) {
    words.push_back(keyword.word);
    if (first.text != keyword.word) continue;
    cursor_.Take();
    location_ = {.file = cursor_.file(), .line = first.line, .column = first.column};
    return (this->*keyword.parse)(std::move(above));
  }
  std::string hint = DidYouMean(first.text, words);
  if (hint.empty()) hint = "a value is defined as: name = operator(operands)";
  return std::unexpected(cursor_.ErrorAt(
      first, fmt::format("unknown statement {}", Quoted(first.text)), std::move(hint)));
}

// ---- settings -----------------------------------------------------------------------------------

Result<void> ModelParser::BatchSize(int64_t& size, std::string_view keyword, std::string above) {
  const Token token = cursor_.Peek();
  if (size != 0)
    return std::unexpected(cursor_.ErrorAt(token, fmt::format("{} is given twice", keyword)));
  DESCENT_TRY(value, cursor_.ExpectInt("a batch size", 1, kMaxElements));
  size = value;
  return FinishKeyed(std::string(keyword), std::move(above));
}

Result<void> ModelParser::Batch(std::string above) {
  DESCENT_RETURN_IF_ERROR(BatchSize(model_.batch, "batch", std::move(above)));
  literals_.SetBatch(model_.batch);
  return {};
}

Result<void> ModelParser::EvaluateBatch(std::string above) {
  return BatchSize(model_.evaluate_batch, "evaluate_batch", std::move(above));
}

Result<void> ModelParser::PredictBatch(std::string above) {
  return BatchSize(model_.predict_batch, "predict_batch", std::move(above));
}

Result<void> ModelParser::KeepPartialBatch(std::string above) {
  model_.keep_partial_batch = true;
  return FinishKeyed("keep_partial_batch", std::move(above));
}

Result<void> ModelParser::Entry(std::string above) {
  const Token token = cursor_.Peek();
  if (!model_.entry.empty())
    return std::unexpected(cursor_.ErrorAt(token, "the entry point is given twice"));
  DESCENT_TRY(name, cursor_.ExpectName("the name of an entry point"));
  model_.entry = name.Name();
  return FinishKeyed("entry", std::move(above));
}

Result<void> ModelParser::Gradient(std::string above) {
  DESCENT_TRY(name, cursor_.ExpectName("the name of an output"));
  model_.gradients.push_back(name.Name());
  return FinishKeyed("gradient " + name.Name(), std::move(above));
}

Result<void> ModelParser::Section(std::string above) {
  const std::string name(cursor_.Peek().text);
  DESCENT_RETURN_IF_ERROR(graph_.SectionHeading(scope_));
  return FinishKeyed("section " + name, std::move(above));
}

// ---- inputs and slots ---------------------------------------------------------------------------

Result<void> ModelParser::DeclareInput(const Token& name, const TensorType& type) {
  if (name.Name().empty())
    return std::unexpected(cursor_.ErrorAt(name, "a name has at least one character"));
  Value value;
  scope_.builder.SetOrigin("", Section::kForward);
  if (!cursor_.AcceptWord("unread")) value = scope_.builder.Input(name.Name(), type);
  return graph_.Declare(scope_, name, value);
}

Result<void> ModelParser::Normalize(InputBinding& input) {
  static constexpr Normalization kKinds[] = {Normalization::kStandardize, Normalization::kMinMax,
                                             Normalization::kScale};
  for (const Normalization kind : kKinds) {
    if (!cursor_.AcceptWord(ToString(kind))) continue;
    input.normalization = kind;
    if (kind != Normalization::kScale) return {};
    DESCENT_RETURN_IF_ERROR(cursor_.Expect("(", "before the factor"));
    DESCENT_TRY(scale, literals_.Number("the factor"));
    input.scale = scale;
    DESCENT_RETURN_IF_ERROR(cursor_.Expect(")", "after the factor"));
    return {};
  }
  return std::unexpected(cursor_.Unexpected("standardize, min_max or scale(FACTOR)"));
}

Result<void> ModelParser::Input(std::string above) {
  InputBinding input;
  DESCENT_TRY(name, cursor_.ExpectName("the name of the input"));
  input.name = name.Name();
  DESCENT_RETURN_IF_ERROR(cursor_.Expect(":", "and the type after the name of an input"));
  DESCENT_TRY(type, literals_.Type());
  input.type = type.type;
  input.batch_axis = type.batch_axis;
  if (cursor_.AcceptWord("from")) {
    DESCENT_TRY(column, cursor_.ExpectName("a column name"));
    input.column = column.Name();
  }
  if (cursor_.AcceptWord("normalize")) DESCENT_RETURN_IF_ERROR(Normalize(input));
  DESCENT_RETURN_IF_ERROR(DeclareInput(name, input.type));
  DESCENT_RETURN_IF_ERROR(FinishObject(input, std::move(above)));
  model_.inputs.push_back(std::move(input));
  return {};
}

Result<void> ModelParser::CallAttributes(const OpDef& op, Attributes& attributes,
                                         std::span<const std::string_view> hidden) {
  while (!cursor_.Peek().Is(")")) {
    if (cursor_.Peek().kind != TokenKind::kName || !cursor_.Peek(1).Is("="))
      return std::unexpected(cursor_.Unexpected(fmt::format("an attribute of {}", op.name)));
    DESCENT_RETURN_IF_ERROR(graph_.AttributeOf(op, attributes, hidden));
    if (!cursor_.Accept(",") && !cursor_.Peek().Is(")"))
      return std::unexpected(cursor_.Unexpected(fmt::format("',' or ')' after {}", op.name)));
  }
  return {};
}

Result<void> ModelParser::SlotInitializer(Slot& slot) {
  static constexpr std::string_view kFromSlot[] = {"shape", "dtype", "stream"};
  Initializer& initializer = slot.initializer;
  if (literals_.AtScalar() || cursor_.Peek().Is("[")) {
    DESCENT_TRY(data, literals_.TensorOf(slot.type));
    initializer.data = std::move(data);
    return {};
  }
  if (cursor_.Peek().IsWord("file") && cursor_.Peek(1).kind == TokenKind::kString) {
    cursor_.Take();
    initializer.file = cursor_.Take().Name();
    return {};
  }
  const Token name = cursor_.Peek();
  if (name.kind != TokenKind::kName)
    return std::unexpected(cursor_.Unexpected("an initializer, a tensor or file \"NAME\""));
  const auto families = OpFamilies();
  const auto family = std::ranges::find(families, "initializer", &OpFamily::name);
  std::vector<std::string_view> known;
  if (family != families.end())
    for (const OpDef& op : family->ops) known.push_back(op.name);
  const OpDef* op = FindOp(name.text);
  if (std::ranges::find(known, name.text) == known.end() || op == nullptr) {
    std::string hint = DidYouMean(name.text, known);
    if (hint.empty()) hint = fmt::format("the initializers are {}", fmt::join(known, ", "));
    return std::unexpected(cursor_.ErrorAt(
        name, fmt::format("unknown initializer {}", Quoted(name.text)), std::move(hint)));
  }
  initializer.op = cursor_.Take().Name();
  if (!cursor_.Accept("(")) return {};
  cursor_.Open();
  DESCENT_RETURN_IF_ERROR(CallAttributes(*op, initializer.attributes, kFromSlot));
  cursor_.Close();
  cursor_.Take();
  return {};
}

Result<void> ModelParser::SlotOptions(Slot& slot) {
  struct Option {
    std::string_view name;
    Result<void> (*parse)(Slot&, LiteralParser&);
  };
  static constexpr Option kOptions[] = {
      {"trainable",
       [](Slot& slot, LiteralParser& literals) -> Result<void> {
         DESCENT_TRY(value, literals.AttributeOf(AttributeKind::kBool, "trainable"));
         slot.trainable = std::get<bool>(value);
         return {};
       }},
      {"l1",
       [](Slot& slot, LiteralParser& literals) -> Result<void> {
         DESCENT_TRY(value, literals.Number("a number for l1"));
         slot.l1 = value;
         return {};
       }},
      {"l2",
       [](Slot& slot, LiteralParser& literals) -> Result<void> {
         DESCENT_TRY(value, literals.Number("a number for l2"));
         slot.l2 = value;
         return {};
       }},
      {"weight_decay",
       [](Slot& slot, LiteralParser& literals) -> Result<void> {
         DESCENT_TRY(value, literals.Number("a number for weight_decay"));
         slot.weight_decay = value;
         return {};
       }},
  };
  std::vector<std::string_view> names;
  for (const Option& option : kOptions) names.push_back(option.name);
  while (!cursor_.Peek().Is("}")) {
    const Token name = cursor_.Peek();
    const auto option = std::ranges::find(kOptions, name.text, &Option::name);
    if (name.kind != TokenKind::kName || option == std::end(kOptions))
      return std::unexpected(cursor_.Unexpected(fmt::format("one of {}", fmt::join(names, ", ")),
                                                DidYouMean(name.text, names)));
    cursor_.Take();
    DESCENT_RETURN_IF_ERROR(cursor_.Expect("=", "after the option"));
    DESCENT_RETURN_IF_ERROR(option->parse(slot, literals_));
    if (!cursor_.Accept(",") && !cursor_.Peek().Is("}"))
      return std::unexpected(cursor_.Unexpected("',' or '}' in the options"));
  }
  return {};
}

Result<void> ModelParser::DeclareSlot(SlotKind kind, std::string above) {
  Slot slot = {.name = {}, .type = {}, .kind = kind};
  DESCENT_TRY(name, cursor_.ExpectName(fmt::format("the name of the {}", SlotKeyword(kind))));
  slot.name = name.Name();
  DESCENT_RETURN_IF_ERROR(
      cursor_.Expect(":", fmt::format("and the type after the name of a {}", SlotKeyword(kind))));
  DESCENT_TRY(type, literals_.Type());
  slot.type = std::move(type.type);
  if (cursor_.Accept("=")) DESCENT_RETURN_IF_ERROR(SlotInitializer(slot));
  if (kind == SlotKind::kParameter && cursor_.Accept("{")) {
    cursor_.Open();
    DESCENT_RETURN_IF_ERROR(SlotOptions(slot));
    cursor_.Close();
    cursor_.Take();
  }
  if (cursor_.Accept("->")) {
    DESCENT_TRY(next, cursor_.ExpectName("the name of the next value"));
    slot.next = next.Name();
    next_.push_back(next);
  }
  DESCENT_RETURN_IF_ERROR(DeclareInput(name, slot.type));
  DESCENT_RETURN_IF_ERROR(FinishObject(slot, std::move(above)));
  model_.slots.push_back(std::move(slot));
  return {};
}

// ---- what is to be done -------------------------------------------------------------------------

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
    DESCENT_TRY(every, cursor_.ExpectInt("a number of steps", 1, kMaxInt));
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
  for (bool any = true; any;) DESCENT_RETURN_IF_ERROR(UpdateClause(update, any));
  DESCENT_RETURN_IF_ERROR(FinishObject(update, std::move(above)));
  model_.updates.push_back(std::move(update));
  return {};
}

// ---- the end ------------------------------------------------------------------------------------

Result<void> ModelParser::Require(const Token& name) {
  if (outputs_.contains(name.Name())) return {};
  DESCENT_TRY(value, graph_.Resolve(scope_, name));
  outputs_.emplace(name.Name(), true);
  scope_.builder.Output(name.Name(), value);
  return {};
}

Result<Model> ModelParser::Finish() {
  // In a specialized model the outputs are listed; what is trained, predicted or measured is a
  // note.
  if (model_.entry.empty()) {
    for (const Token& name : predicted_) DESCENT_RETURN_IF_ERROR(Require(name));
    for (const Token& name : measured_) {
      if (outputs_.contains(name.Name())) continue;
      DESCENT_TRY(value, graph_.Resolve(scope_, name));
      if (scope_.builder.node(value).op->leaf != Leaf::kInput)
        DESCENT_RETURN_IF_ERROR(Require(name));
    }
    for (const Token& name : losses_) DESCENT_RETURN_IF_ERROR(Require(name));
    for (const Token& name : next_) DESCENT_RETURN_IF_ERROR(Require(name));
  }
  std::ranges::stable_sort(model_.comments, {}, &StatementComment::statement);
  model_.graph = std::move(scope_.builder).Build();
  return std::move(model_);
}

Result<Model> ModelParser::Parse() {
  DESCENT_RETURN_IF_ERROR(Header());
  DESCENT_RETURN_IF_ERROR(Block());
  return Finish();
}

}  // namespace

Result<Model> ParseText(std::string_view text, std::string file) {
  return ModelParser(text, std::move(file)).Parse();
}

}  // namespace descent
