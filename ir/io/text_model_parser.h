// The parser of a model's statements. Its methods stand in three files: text_parser.cpp (the frame
// and the settings), text_declarations.cpp (inputs and slots), text_tasks.cpp (what is to be done).
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/io/text_cursor.h"
#include "ir/io/text_graph_parser.h"
#include "ir/io/text_literal.h"
#include "ir/model.h"

namespace descent {

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
  Result<void> Expanded(std::string above);
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
  Result<void> InitializerOp(Initializer& initializer);
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

template <typename T>
Result<void> ModelParser::FinishObject(T& object, std::string above) {
  DESCENT_TRY(comments, cursor_.FinishStatement(std::move(above)));
  object.comment = std::move(comments.above);
  object.trailing = std::move(comments.trailing);
  object.location = location_;
  return {};
}

}  // namespace descent
