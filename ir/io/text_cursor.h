// TextCursor: the parser's place in a text: looks ahead, skips line ends inside brackets and keeps
// the comments it passes.
//
// A statement ends with its line, except inside brackets. A comment inside brackets belongs to the
// statement around it.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "ir/diagnostic.h"
#include "ir/io/text_lexer.h"

namespace descent {

/// What was said about a statement: lines above it, text behind it.
struct Comments {
  std::string above, trailing;
};

class TextCursor {
 public:
  TextCursor(std::string_view text, std::string file);

  const Token& Peek(int ahead = 0);
  Token Take();
  bool Accept(std::string_view punctuation);
  bool AcceptWord(std::string_view word);
  /// `where` completes "expected X ...": "after the name".
  Result<Token> Expect(std::string_view punctuation, std::string_view where);
  /// An identifier or a quoted name; `what` as in "expected a column name".
  Result<Token> ExpectName(std::string_view what);
  Result<int64_t> ExpectInt(std::string_view what, int64_t least, int64_t most);

  /// After '(' or '[': line ends mean nothing until the matching Close.
  void Open() { ++nesting_; }
  void Close() { --nesting_; }

  /// Skips blank lines; returns the comment lines before the next statement.
  std::string TakeCommentLines();
  /// The end of a statement: its trailing comment and those from inside its brackets join `above`;
  /// the line must end here, or the block must.
  Result<Comments> FinishStatement(std::string above);
  /// The comments inside brackets that no statement has taken yet.
  std::string TakeInnerComments() { return std::exchange(inner_comments_, ""); }
  /// A comment on the rest of this line, if any.
  std::string TakeTrailing();

  Diagnostic ErrorAt(const Token& token, std::string message, std::string hint = "") const;
  /// "expected X, not Y", or what the lexer could not read.
  Diagnostic Unexpected(std::string_view expected, std::string hint = "");
  /// The line on which a statement after this place defines `name`, 0 if none does.
  int LineOfDefinition(std::string_view name) const;
  const std::string& file() const { return file_; }

 private:
  /// Behind the last character that says something: the end itself is a line without text.
  Diagnostic AtEnd(std::string message, std::string hint) const;
  void Fill(size_t count);

  std::string_view text_;
  std::string file_;
  TextLexer lexer_;
  std::deque<Token> ahead_;
  int nesting_ = 0;
  std::string inner_comments_;
};

/// Joins two comments, either of which may be empty, by `separator`.
std::string JoinComments(std::string first, std::string_view second, std::string_view separator);

}  // namespace descent
