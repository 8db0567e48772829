// Tokens of the text IR (grammar: docs/ir.md). Positions count lines and characters from 1.
//
//   TextLexer lexer("y = tanh(x)  # bounded", "f.descent");
//   lexer.Next()  ->  name y, punctuation =, name tanh, ..., comment "bounded", end
#pragma once

#include <string>
#include <string_view>

#include "ir/diagnostic.h"

namespace descent {

enum class TokenKind : uint8_t {
  kEnd,
  kError,  ///< see TextLexer::error()
  kNewline,
  kComment,   ///< text: without "# "
  kName,      ///< identifier, dots included: "next.W1"
  kNumbered,  ///< "%3" or "%3.1": an unnamed value
  kString,    ///< value: decoded
  kNumber,    ///< starts with a digit or '-'; not checked further
  kPunctuation,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;  ///< points into the source
  std::string value;
  int line = 0;
  int column = 0;

  bool Is(std::string_view punctuation) const {
    return kind == TokenKind::kPunctuation && text == punctuation;
  }
  bool IsWord(std::string_view word) const { return kind == TokenKind::kName && text == word; }
  /// What a name or string stands for.
  std::string Name() const { return kind == TokenKind::kString ? value : std::string(text); }
};

/// One line of a text, safe to print: control characters become blanks, so columns stay true. ""
/// for a very long one.
std::string SourceLine(std::string_view text, int line);

class TextLexer {
 public:
  /// `text` must outlive the lexer and its tokens.
  TextLexer(std::string_view text, std::string file);

  /// kEnd and kError repeat.
  Token Next();
  const Diagnostic& error() const { return error_; }
  /// A diagnostic that points at a place of this text.
  Diagnostic At(int line, int column, std::string message, std::string hint = "") const;

 private:
  char Ahead(size_t offset = 0) const {
    return position_ + offset < text_.size() ? text_[position_ + offset] : '\0';
  }
  void Advance();
  Token Make(TokenKind kind, size_t begin);
  Token Fail(std::string message, std::string hint = "");
  Token Comment();
  Token Identifier();
  Token Numbered();
  Token Number();
  Token String();
  bool Escape(std::string& value);

  std::string_view text_;
  std::string file_;
  size_t position_ = 0;
  int line_ = 1, column_ = 1;
  int token_line_ = 1, token_column_ = 1;
  Diagnostic error_;
  bool failed_ = false;
};

}  // namespace descent
