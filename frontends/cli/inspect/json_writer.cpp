#include "frontends/cli/inspect/json_writer.h"

#include <fmt/format.h>

#include <cmath>

namespace descent::cli {
namespace {

/// Length of the valid UTF-8 sequence that `text` begins with, or 0.
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (length == 3 && ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) >= 0xa0)))
    return 0;
  if (length == 4 && ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90)))
    return 0;
  return length;
}

}  // namespace

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    const auto c = static_cast<unsigned char>(text.front());
    if (length == 0) {
      out += "\\ufffd";
    } else if (c < 0x20) {
      out += fmt::format("\\u{:04x}", c);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out + "\"";
}

void JsonWriter::Separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (has_elements_.empty()) return;
  if (has_elements_.back()) text_ += ",";
  has_elements_.back() = true;
  BreakLine();
}

void JsonWriter::BreakLine() {
  if (layout_ == JsonLayout::kIndented)
    text_ += "\n" + std::string(2 * has_elements_.size(), ' ');
  else if (text_.ends_with(','))
    text_ += ' ';
}

void JsonWriter::Raw(std::string_view text) {
  Separate();
  text_ += text;
}

void JsonWriter::Open(char bracket) {
  Separate();
  text_ += bracket;
  has_elements_.push_back(false);
}

void JsonWriter::Close(char bracket) {
  const bool had_elements = has_elements_.back();
  has_elements_.pop_back();
  if (had_elements) BreakLine();
  text_ += bracket;
}

JsonWriter& JsonWriter::Key(std::string_view name) {
  Separate();
  text_ += JsonString(name) + ": ";
  after_key_ = true;
  return *this;
}

void JsonWriter::String(std::string_view text) { Raw(JsonString(text)); }
void JsonWriter::Integer(int64_t value) { Raw(fmt::format("{}", value)); }

void JsonWriter::Unsigned(uint64_t value) { Raw(fmt::format("{}", value)); }
void JsonWriter::Number(double value) {
  Raw(std::isfinite(value) ? fmt::format("{}", value) : "null");
}
void JsonWriter::Numbers(std::span<const int64_t> values) {
  Raw(fmt::format("[{}]", fmt::join(values, ", ")));
}

void JsonWriter::Strings(std::span<const std::string> values) {
  std::vector<std::string> quoted;
  for (const std::string& value : values) quoted.push_back(JsonString(value));
  Raw(fmt::format("[{}]", fmt::join(quoted, ", ")));
}

std::string JsonWriter::Finish() && { return std::move(text_) + "\n"; }

}  // namespace descent::cli
