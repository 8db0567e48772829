#include "ir/io/text_lexer.h"

#include "ir/io/limits.h"
#include "ir/io/text_syntax.h"
#include "ir/utf8.h"

namespace descent {
namespace {

constexpr size_t kMaxSnippetBytes = 200;

}  // namespace

std::string SourceLine(std::string_view text, int line) {
  size_t begin = 0;
  for (int i = 1; i < line && begin < text.size(); ++i) {
    const size_t end = text.find('\n', begin);
    begin = end == std::string_view::npos ? text.size() : end + 1;
  }
  std::string snippet(text.substr(begin, text.find('\n', begin) - begin));
  while (!snippet.empty() && (snippet.back() == '\r' || snippet.back() == ' ')) snippet.pop_back();
  for (char& c : snippet)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  if (snippet.size() > kMaxSnippetBytes || FirstInvalidUtf8(snippet)) return "";
  return snippet;
}

namespace {

/// For characters that other notations use.
std::string HintFor(char c) {
  struct Row {
    std::string_view characters, hint;
  };
  constexpr Row kRows[] = {
      {";", "a statement ends with its line"},
      {"/", "a comment begins with #; division is a call: div(a, b)"},
      {"+*-<>!^@&|", "operators are calls: add(a, b), mul(a, b), matmul(a, b), less(a, b)"},
      {"?", "extents are fixed numbers; the axis of samples is written batch"},
      {"'`", "strings stand in double quotes"},
  };
  for (const Row& row : kRows)
    if (row.characters.find(c) != std::string_view::npos) return std::string(row.hint);
  return "";
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

TextLexer::TextLexer(std::string_view text, std::string file)
    : text_(text), file_(std::move(file)) {
  if (text_.starts_with("\xef\xbb\xbf")) position_ = 3;  // a byte order mark
  if (text_.size() > kMaxModelBytes) {
    Fail(fmt::format("the file has {} bytes; at most {} are read", text_.size(), kMaxModelBytes));
  } else if (const auto invalid = FirstInvalidUtf8(text_)) {
    while (position_ < *invalid) Advance();
    token_line_ = line_;
    token_column_ = column_;
    Fail("this byte is not UTF-8", "save the file as UTF-8");
  }
}

Diagnostic TextLexer::At(int line, int column, std::string message, std::string hint) const {
  return {.message = std::move(message),
          .location = {.file = file_, .line = line, .column = column},
          .snippet = SourceLine(text_, line),
          .hint = std::move(hint)};
}

void TextLexer::Advance() {
  if (text_[position_] == '\n') {
    ++line_;
    column_ = 0;
  }
  ++position_;
  // Continuation bytes belong to the character before them.
  if (position_ >= text_.size() || BeginsCharacter(text_[position_]) || column_ == 0) ++column_;
}

Token TextLexer::Make(TokenKind kind, size_t begin) {
  return {.kind = kind,
          .text = text_.substr(begin, position_ - begin),
          .value = {},
          .line = token_line_,
          .column = token_column_};
}

Token TextLexer::Fail(std::string message, std::string hint) {
  failed_ = true;
  error_ = At(token_line_, token_column_, std::move(message), std::move(hint));
  return Make(TokenKind::kError, position_);
}

Token TextLexer::Next() {
  while (!failed_ && (Ahead() == ' ' || Ahead() == '\t' || Ahead() == '\r')) Advance();
  if (!failed_) {
    token_line_ = line_;
    token_column_ = column_;
  }
  const size_t begin = position_;
  if (failed_) return Make(TokenKind::kError, begin);
  if (position_ == text_.size()) return Make(TokenKind::kEnd, begin);
  const char c = Ahead();
  if (c == '#') return Comment();
  if (IsNameStart(c)) return Identifier();
  if (c == '"') return String();
  if (c == '%') return Numbered();
  if (c == '-' && Ahead(1) == '>') {
    Advance();
    Advance();
    return Make(TokenKind::kPunctuation, begin);
  }
  if (c == '-' || (c >= '0' && c <= '9')) return Number();
  if (c == '\n' || std::string_view("(){}[],:=").find(c) != std::string_view::npos) {
    Advance();
    return Make(c == '\n' ? TokenKind::kNewline : TokenKind::kPunctuation, begin);
  }
  if (c == '\0') return Fail("NUL byte: this is not a text");
  if (static_cast<unsigned char>(c) < 0x80)
    return Fail(fmt::format("unexpected character {}", Quoted({&c, 1})), HintFor(c));
  return Fail("unexpected character",
              "names of other than ASCII letters stand in quotes: \"größe\"");
}

Token TextLexer::Comment() {
  const size_t begin = position_;
  while (position_ < text_.size() && Ahead() != '\n') {
    const char c = Ahead();
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
      token_line_ = line_;
      token_column_ = column_;
      return Fail(fmt::format("control character {} in a comment", Quoted({&c, 1})));
    }
    Advance();
  }
  Token token = Make(TokenKind::kComment, begin);
  token.text.remove_prefix(1);
  if (token.text.starts_with(' ')) token.text.remove_prefix(1);
  while (!token.text.empty() &&
         std::string_view(" \t\r").find(token.text.back()) != std::string_view::npos)
    token.text.remove_suffix(1);
  return token;
}

Token TextLexer::Identifier() {
  const size_t begin = position_;
  // A dot joins two parts; it does not end a name.
  while (IsNamePart(Ahead()) || (Ahead() == '.' && IsNamePart(Ahead(1)))) Advance();
  if (position_ - begin > kMaxNameBytes)
    return Fail(fmt::format("this name has {} bytes; at most {} are allowed", position_ - begin,
                            kMaxNameBytes));
  return Make(TokenKind::kName, begin);
}

Token TextLexer::Numbered() {
  const size_t begin = position_;
  Advance();
  const auto digits = [&] {
    const size_t first = position_;
    while (Ahead() >= '0' && Ahead() <= '9') Advance();
    return position_ > first && position_ - first < 12;
  };
  bool good = digits();
  if (good && Ahead() == '.') {
    Advance();
    good = digits();
  }
  if (!good) return Fail("a number must follow '%'", "unnamed values are written %3 or %3.1");
  return Make(TokenKind::kNumbered, begin);
}

Token TextLexer::Number() {
  const size_t begin = position_;
  Advance();
  const bool hex = Ahead() == 'x';
  const auto exponent_sign = [&] {
    const char last = text_[position_ - 1];
    return !hex && (Ahead() == '+' || Ahead() == '-') && (last == 'e' || last == 'E');
  };
  while (IsNamePart(Ahead()) || Ahead() == '.' || exponent_sign()) Advance();
  return Make(TokenKind::kNumber, begin);
}

Token TextLexer::String() {
  const size_t begin = position_;
  std::string value;
  for (Advance(); Ahead() != '"';) {
    const char c = Ahead();
    if (position_ == text_.size() || c == '\n')
      return Fail("this string does not end on its line", "close it with '\"'");
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return Fail("control character in a string", "names have none");
    if (c == '\\') {
      if (!Escape(value))
        return Fail("unknown escape in a string",
                    "the escapes are \\\" \\\\ \\n \\r \\t and \\x00 to \\x7f");
      continue;
    }
    value += c;
    Advance();
  }
  Advance();
  if (value.size() > kMaxNameBytes)
    return Fail(fmt::format("this string has {} bytes; at most {} are allowed", value.size(),
                            kMaxNameBytes));
  Token token = Make(TokenKind::kString, begin);
  token.value = std::move(value);
  return token;
}

bool TextLexer::Escape(std::string& value) {
  static constexpr std::string_view kEscapes = "\"\\nrt", kMeanings = "\"\\\n\r\t";
  const size_t which = kEscapes.find(Ahead(1));
  if (which != std::string_view::npos && position_ + 1 < text_.size()) {
    value += kMeanings[which];
    Advance();
    Advance();
    return true;
  }
  const int high = HexDigit(Ahead(2)), low = HexDigit(Ahead(3));
  const int code = high * 16 + low;
  if (Ahead(1) != 'x' || high < 0 || low < 0 || code > 0x7f) return false;
  value += static_cast<char>(code);
  for (int i = 0; i < 4; ++i) Advance();
  return true;
}

}  // namespace descent
