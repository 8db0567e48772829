// UTF-8: the encoding of every text and name in a model.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace descent {

/// Offset of the first byte that is not part of a well-formed character; nullopt if all are.
/// Overlong forms, surrogates and code points above 10FFFF are not well-formed.
std::optional<size_t> FirstInvalidUtf8(std::string_view text);

/// The text with \xNN for each byte that is not part of a well-formed character: terminals and
/// readers of logs get no other.
std::string EscapeInvalidUtf8(std::string_view text);

/// Whether `byte` begins a character (is not a continuation byte).
inline bool BeginsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

}  // namespace descent
