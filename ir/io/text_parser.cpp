#include "ir/io/text_parser.h"

#include <algorithm>
#include <limits>

#include "ir/io/text_model_parser.h"
#include "ir/io/text_syntax.h"
#include "ir/suggest.h"

namespace descent {

// ---- the frame ------------------------------------------------------------------------------

std::span<const ModelParser::Keyword> ModelParser::Keywords() {
  static const std::vector<Keyword> kKeywords = {
      {"batch", &ModelParser::Batch},
      {"evaluate_batch", &ModelParser::EvaluateBatch},
      {"predict_batch", &ModelParser::PredictBatch},
      {"keep_partial_batch", &ModelParser::KeepPartialBatch},
      {"entry", &ModelParser::Entry},
      {"expanded", &ModelParser::Expanded},
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

Result<void> ModelParser::Header() {
  model_.comment = cursor_.TakeCommentLines();
  const Token start = cursor_.Peek();
  if (!cursor_.AcceptWord("descent"))
    return std::unexpected(cursor_.Unexpected(
        "'descent 1'", "a model starts with the version of its format: descent 1"));
  const Token version = cursor_.Peek();
  DESCENT_TRY(number,
              cursor_.ExpectInt("a format version", 1, std::numeric_limits<int64_t>::max()));
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

// ---- settings -------------------------------------------------------------------------------

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

Result<void> ModelParser::Expanded(std::string above) {
  model_.expanded = true;
  return FinishKeyed("expanded", std::move(above));
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

// ---- the end --------------------------------------------------------------------------------

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
  SortByStatement(model_.comments);
  model_.graph = std::move(scope_.builder).Build();
  return std::move(model_);
}

Result<Model> ModelParser::Parse() {
  DESCENT_RETURN_IF_ERROR(Header());
  DESCENT_RETURN_IF_ERROR(Block());
  return Finish();
}

Result<Model> ParseText(std::string_view text, std::string file) {
  return ModelParser(text, std::move(file)).Parse();
}

}  // namespace descent
