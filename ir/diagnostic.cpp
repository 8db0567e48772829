#include "ir/diagnostic.h"

#include <cstdio>
#include <cstdlib>

#include "ir/utf8.h"

namespace descent {

std::string Diagnostic::ToString() const {
  std::string text = "error: " + message + "\n";
  std::string margin = "  ";
  if (!location.file.empty() || location.line > 0) {
    const std::string line = location.line > 0 ? fmt::format("{}", location.line) : " ";
    margin = std::string(line.size() + 1, ' ');
    text += fmt::format("{}--> {}", std::string(line.size(), ' '), location.file);
    if (location.line > 0) text += fmt::format(":{}", location.line);
    if (location.column > 0) text += fmt::format(":{}", location.column);
    text += "\n";
    if (!snippet.empty() && location.line > 0) {
      text += fmt::format("{}|\n{} | {}\n", margin, line, snippet);
      const int column = location.column > 0 ? location.column : 1;
      text += fmt::format("{}| {}^\n", margin, std::string(column - 1, ' '));
    }
  }
  if (!hint.empty()) text += fmt::format("{}= help: {}\n", margin, hint);
  return EscapeInvalidUtf8(text);
}

std::string Escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text;
}

std::string Quoted(std::string_view name) { return fmt::format("'{}'", Escaped(name)); }

std::string Counted(int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

void InternalError(const char* file, int line, std::string_view message) {
  fmt::print(stderr,
             "internal error: {} ({}:{})\nThis is a bug in Descent; please report it with the "
             "command and the model.\n",
             message, file, line);
  std::fflush(nullptr);
  std::_Exit(static_cast<int>(ExitStatus::kInternal));
}

}  // namespace descent
