#include "ir/io/text_cursor.h"

#include <algorithm>
#include <charconv>

namespace descent {
namespace {

/// How a diagnostic speaks of a token.
std::string Describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd:
      return "the end of the file";
    case TokenKind::kNewline:
      return "the end of the line";
    case TokenKind::kComment:
      return "a comment";
    default:
      return Quoted(token.text.substr(0, 60));
  }
}

}  // namespace

std::string JoinComments(std::string first, std::string_view second, std::string_view separator) {
  if (!first.empty() && !second.empty()) first += separator;
  return first += second;
}

TextCursor::TextCursor(std::string_view text, std::string file)
    : text_(text), file_(file), lexer_(text, std::move(file)) {}

void TextCursor::Fill(size_t count) {
  // What was looked at on the level of lines may turn out to stand inside brackets.
  while (nesting_ > 0 && !ahead_.empty() && ahead_.front().kind == TokenKind::kNewline)
    ahead_.pop_front();
  while (ahead_.size() < count) {
    Token token = lexer_.Next();
    if (nesting_ > 0 && token.kind == TokenKind::kNewline) continue;
    if (nesting_ > 0 && token.kind == TokenKind::kComment) {
      inner_comments_ = JoinComments(std::move(inner_comments_), token.text, "\n");
      continue;
    }
    ahead_.push_back(std::move(token));
  }
}

const Token& TextCursor::Peek(int ahead) {
  Fill(static_cast<size_t>(ahead) + 1);
  return ahead_[ahead];
}

Token TextCursor::Take() {
  Fill(1);
  Token token = std::move(ahead_.front());
  ahead_.pop_front();
  return token;
}

bool TextCursor::Accept(std::string_view punctuation) {
  const bool found = Peek().Is(punctuation);
  if (found) Take();
  return found;
}

bool TextCursor::AcceptWord(std::string_view word) {
  const bool found = Peek().IsWord(word);
  if (found) Take();
  return found;
}

Result<Token> TextCursor::Expect(std::string_view punctuation, std::string_view where) {
  if (!Peek().Is(punctuation))
    return std::unexpected(Unexpected(fmt::format("'{}' {}", punctuation, where)));
  return Take();
}

Result<Token> TextCursor::ExpectName(std::string_view what) {
  const Token& token = Peek();
  if (token.kind != TokenKind::kName && token.kind != TokenKind::kString)
    return std::unexpected(Unexpected(what));
  return Take();
}

Result<int64_t> TextCursor::ExpectInt(std::string_view what, int64_t least, int64_t most) {
  const Token token = Peek();
  if (token.kind != TokenKind::kNumber) return std::unexpected(Unexpected(what));
  int64_t value = 0;
  const char* end = token.text.data() + token.text.size();
  const auto [stop, error] = std::from_chars(token.text.data(), end, value);
  if (stop != end && error == std::errc())
    return std::unexpected(ErrorAt(token, fmt::format("{} is not an integer", Quoted(token.text))));
  if (error != std::errc() || value < least || value > most)
    return std::unexpected(
        ErrorAt(token, fmt::format("{} is out of range: {} is from {} to {}",
                                   Quoted(token.text.substr(0, 60)), what, least, most)));
  Take();
  return value;
}

std::string TextCursor::TakeCommentLines() {
  std::string lines;
  bool any = false;
  for (;; Take()) {
    const Token& token = Peek();
    if (token.kind == TokenKind::kNewline) continue;
    if (token.kind != TokenKind::kComment) return lines;
    if (any) lines += '\n';
    lines += token.text;
    any = true;
  }
}

std::string TextCursor::TakeTrailing() {
  if (Peek().kind != TokenKind::kComment) return "";
  return std::string(Take().text);
}

Result<Comments> TextCursor::FinishStatement(std::string above) {
  Comments comments = {JoinComments(std::move(above), TakeInnerComments(), "\n"), TakeTrailing()};
  const Token& next = Peek();
  if (next.kind != TokenKind::kNewline && next.kind != TokenKind::kEnd && !next.Is("}"))
    return std::unexpected(
        Unexpected("the end of the statement", "one statement stands on one line"));
  return comments;
}

Diagnostic TextCursor::ErrorAt(const Token& token, std::string message, std::string hint) const {
  return lexer_.At(token.line, token.column, std::move(message), std::move(hint));
}

Diagnostic TextCursor::AtEnd(std::string message, std::string hint) const {
  const size_t last = text_.find_last_not_of(" \t\r\n");
  if (last == std::string_view::npos) return lexer_.At(1, 1, std::move(message), std::move(hint));
  const std::string_view text = text_.substr(0, last + 1);
  const std::string_view line = text.substr(text.rfind('\n') + 1);
  const auto lines = 1 + std::ranges::count(text, '\n');
  const auto characters = std::ranges::count_if(
      line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  return lexer_.At(static_cast<int>(lines), static_cast<int>(characters) + 1, std::move(message),
                   std::move(hint));
}

Diagnostic TextCursor::Unexpected(std::string_view expected, std::string hint) {
  const Token& token = Peek();
  if (token.kind == TokenKind::kError) return lexer_.error();
  if (token.kind == TokenKind::kEnd)
    return AtEnd(fmt::format("expected {}, not {}", expected, Describe(token)), std::move(hint));
  return ErrorAt(token, fmt::format("expected {}, not {}", expected, Describe(token)),
                 std::move(hint));
}

int TextCursor::LineOfDefinition(std::string_view name) const {
  TextLexer lexer(text_, file_);
  const int here = ahead_.empty() ? 0 : ahead_.front().line;
  // A statement that defines values begins with their names, up to ':' or '='.
  bool in_names = true;
  Token found;
  for (Token token = lexer.Next(); token.kind != TokenKind::kEnd && token.kind != TokenKind::kError;
       token = lexer.Next()) {
    if (token.kind == TokenKind::kNewline) {
      in_names = true;
      found = {};
    } else if (in_names && (token.Is("=") || token.Is(":"))) {
      if (found.line >= here && found.line > 0) return found.line;
      in_names = false;
    } else if (in_names && token.text == name) {
      found = token;
    }
  }
  return 0;
}

}  // namespace descent
