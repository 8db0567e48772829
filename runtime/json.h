// JSON (RFC 8259), as much as safetensors headers and log lines need: a strict, bounded parser into
// a tree, and pieces for writing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/status.h"

namespace descent::runtime {

struct JsonMember;

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<JsonMember>;  ///< in the text's order, keys unique
  struct Number {
    std::string text;  ///< as written, so that 64-bit integers stay exact
  };
  std::variant<std::monostate, bool, Number, std::string, Array, Object> value;

  const std::string* string() const { return std::get_if<std::string>(&value); }
  const Array* array() const { return std::get_if<Array>(&value); }
  const Object* object() const { return std::get_if<Object>(&value); }
  /// A number without fraction or exponent that fits 64 bits.
  std::optional<int64_t> Integer() const;
  /// A member of an object.
  const Json* Find(std::string_view key) const;
};

struct JsonMember {
  std::string key;
  Json value;
};

/// The whole text must be one value; nested at most 16 deep, no key twice in one object. `file` is
/// for messages.
Result<Json> ParseJson(std::string_view text, const std::string& file);

/// With quotes; control characters, quotes and backslashes escaped.
std::string JsonString(std::string_view text);

/// ["a", "b"]
std::string JsonStrings(const std::vector<std::string>& texts);

}  // namespace descent::runtime
