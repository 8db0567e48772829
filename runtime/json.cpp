#include "runtime/json.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace descent::runtime {
namespace {

constexpr int kMaxDepth = 16;

void AppendUtf8(uint32_t code, std::string* out) {
  auto put = [&](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 63));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 63));
    put(0x80 | (code & 63));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 63));
    put(0x80 | (code >> 6 & 63));
    put(0x80 | (code & 63));
  }
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Result<Json> Parse() {
    auto value = Value(0);
    if (!value) return value;
    SkipSpace();
    if (at_ != text_.size()) return Bad("text after the value");
    return value;
  }

 private:
  std::unexpected<Failure> Bad(std::string_view what) const {
    return Fail(file_, "JSON at byte {}: {}", at_, what);
  }
  void SkipSpace() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
  }
  bool Take(std::string_view token) {
    SkipSpace();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  Result<Json> Value(int depth) {
    if (depth > kMaxDepth) return Bad("nested too deep");
    SkipSpace();
    if (Take("{")) return ParseObject(depth);
    if (Take("[")) return ParseArray(depth);
    if (Take("true")) return Json{true};
    if (Take("false")) return Json{false};
    if (Take("null")) return Json{};
    if (at_ < text_.size() && text_[at_] == '"') {
      auto text = String();
      if (!text) return std::unexpected(text.error());
      return Json{*std::move(text)};
    }
    return ParseNumber();
  }

  Result<Json> ParseObject(int depth) {
    Json::Object object;
    std::set<std::string> keys;
    if (Take("}")) return Json{std::move(object)};
    do {
      SkipSpace();
      auto key = String();
      if (!key) return std::unexpected(key.error());
      if (!keys.insert(*key).second) return Bad("key " + Quoted(*key) + " stands twice");
      if (!Take(":")) return Bad("':' is missing");
      auto value = Value(depth + 1);
      if (!value) return value;
      object.push_back({*std::move(key), *std::move(value)});
    } while (Take(","));
    if (!Take("}")) return Bad("'}' is missing");
    return Json{std::move(object)};
  }

  Result<Json> ParseArray(int depth) {
    Json::Array array;
    if (Take("]")) return Json{std::move(array)};
    do {
      auto value = Value(depth + 1);
      if (!value) return value;
      array.push_back(*std::move(value));
    } while (Take(","));
    if (!Take("]")) return Bad("']' is missing");
    return Json{std::move(array)};
  }

  Result<Json> ParseNumber() {
    size_t begin = at_;
    while (at_ < text_.size() &&
           std::string_view("+-.0123456789eE").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
    std::string number(text_.substr(begin, at_ - begin));
    double value = 0;
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (number.empty() || number[0] == '+' || number[0] == '.' ||
        error == std::errc::invalid_argument || end != number.data() + number.size()) {
      at_ = begin;
      return Bad("a value is missing");
    }
    return Json{Json::Number{std::move(number)}};
  }

  Result<std::string> String() {
    if (at_ == text_.size() || text_[at_] != '"') return Bad("a string is missing");
    std::string out;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (static_cast<unsigned char>(text_[at_]) < 0x20)
        return Bad("control character in a string");
      if (text_[at_] != '\\') {
        out += text_[at_];
      } else if (auto escaped = Escape(&out); !escaped) {
        return std::unexpected(escaped.error());
      }
    }
    if (at_ == text_.size()) return Bad("string is not closed");
    ++at_;
    return out;
  }

  Result<void> Escape(std::string* out) {
    constexpr std::string_view kNames = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
    if (++at_ == text_.size()) return Bad("string is not closed");
    if (size_t index = kNames.find(text_[at_]); index != std::string_view::npos) {
      *out += kValues[index];
      return {};
    }
    if (text_[at_] != 'u') return Bad("unknown escape");
    auto code = HexDigits();
    if (code && *code >= 0xD800 && *code < 0xDC00 && text_.substr(at_ + 1).starts_with("\\u")) {
      at_ += 2;
      auto low = HexDigits();
      if (!low || *low < 0xDC00 || *low > 0xDFFF) return Bad("damaged surrogate pair");
      code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
    }
    if (!code || (*code >= 0xD800 && *code < 0xE000)) return Bad("damaged \\u escape");
    AppendUtf8(*code, out);
    return {};
  }

  /// Four digits after the current character; ends on the last of them.
  std::optional<uint32_t> HexDigits() {
    std::string_view digits = text_.substr(std::min(at_ + 1, text_.size()), 4);
    uint32_t code = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() < 4 || error != std::errc() || end != digits.data() + 4) return std::nullopt;
    at_ += 4;
    return code;
  }

  std::string_view text_;
  const std::string& file_;
  size_t at_ = 0;
};

}  // namespace

std::optional<int64_t> Json::Integer() const {
  const Number* number = std::get_if<Number>(&value);
  if (!number) return std::nullopt;
  int64_t integer = 0;
  const char* end = number->text.data() + number->text.size();
  auto parsed = std::from_chars(number->text.data(), end, integer);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return integer;
}

const Json* Json::Find(std::string_view key) const {
  if (!object()) return nullptr;
  for (const auto& [name, member] : *object()) {
    if (name == key) return &member;
  }
  return nullptr;
}

Result<Json> ParseJson(std::string_view text, const std::string& file) {
  return Parser(text, file).Parse();
}

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string JsonStrings(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? ", " : "") + JsonString(text);
  return out + "]";
}

}  // namespace descent::runtime
