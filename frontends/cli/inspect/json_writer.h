// JsonWriter: JSON text, two spaces a level, or all on one line; short arrays of numbers always
// stay on one.
//
//   JsonWriter json;
//   json.BeginObject();
//   json.Key("shape").Numbers({10, 2});
//   json.Key("nodes").BeginArray(); ... json.EndArray();
//   json.EndObject();
//   std::string text = std::move(json).Finish();
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace descent::cli {

enum class JsonLayout : uint8_t { kIndented, kOneLine };

class JsonWriter {
 public:
  explicit JsonWriter(JsonLayout layout = JsonLayout::kIndented) : layout_(layout) {}
  void BeginObject() { Open('{'); }
  void EndObject() { Close('}'); }
  void BeginArray() { Open('['); }
  void EndArray() { Close(']'); }
  JsonWriter& Key(std::string_view name);

  void String(std::string_view text);
  void Bool(bool value) { Raw(value ? "true" : "false"); }
  void Integer(int64_t value);
  void Unsigned(uint64_t value);
  /// The shortest text that reads back as the same double; null for NaN and infinities.
  void Number(double value);
  void Null() { Raw("null"); }
  void Numbers(std::span<const int64_t> values);
  void Strings(std::span<const std::string> values);

  std::string Finish() &&;

 private:
  void Separate();
  void Raw(std::string_view text);
  void Open(char bracket);
  void Close(char bracket);
  void BreakLine();

  JsonLayout layout_;
  std::string text_;
  std::vector<bool> has_elements_;  ///< per open bracket
  bool after_key_ = false;
};

/// `text` in quotes, escaped; bytes that are not UTF-8 become U+FFFD.
std::string JsonString(std::string_view text);

}  // namespace descent::cli
