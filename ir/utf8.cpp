#include "ir/utf8.h"

#include <fmt/format.h>

#include <cstdint>

namespace descent {
namespace {

/// Bytes of the well-formed character at `offset`, 0 if there is none.
size_t CharacterBytes(std::string_view text, size_t offset) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[offset + i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || offset + bytes > text.size()) return 0;
  for (size_t i = 1; i < bytes; ++i)
    if (BeginsCharacter(text[offset + i])) return 0;
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool surrogate = first == 0xed && byte(1) >= 0xa0;
  const bool beyond = first == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : bytes;
}

}  // namespace

std::optional<size_t> FirstInvalidUtf8(std::string_view text) {
  for (size_t offset = 0; offset < text.size();) {
    const size_t bytes = CharacterBytes(text, offset);
    if (bytes == 0) return offset;
    offset += bytes;
  }
  return std::nullopt;
}

std::string EscapeInvalidUtf8(std::string_view text) {
  std::string escaped;
  while (const auto invalid = FirstInvalidUtf8(text)) {
    escaped += text.substr(0, *invalid);
    escaped += fmt::format("\\x{:02x}", static_cast<uint8_t>(text[*invalid]));
    text.remove_prefix(*invalid + 1);
  }
  return escaped.append(text);
}

}  // namespace descent
