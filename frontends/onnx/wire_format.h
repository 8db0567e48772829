// The fields of a serialized protobuf message one by one, whatever they mean.
//
//   FieldReader reader(message);
//   while (!reader.AtEnd()) {
//     const auto field = reader.Next();
//     if (!field) return false;  // damaged
//     ... field->number, field->content ...
//   }
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace descent::onnx {

enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

/// Of any number, and of tags and lengths, which have 32 bits.
inline constexpr int kMaxVarintBytes = 10, kMaxTagBytes = 5;

struct Field {
  uint64_t number;
  std::string_view all;                     ///< with its tag
  std::optional<std::string_view> content;  ///< of a length-delimited one

  bool Is(int wanted) const { return number == static_cast<uint64_t>(wanted) && content; }
};

/// Reads one field of a message after the other.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : rest_(message) {}

  bool AtEnd() const { return rest_.empty(); }

  /// Nothing where the bytes are no field, or a group, which nothing of ONNX is.
  std::optional<Field> Next() {
    const std::string_view before = rest_;
    const auto tag = Varint(kMaxTagBytes);
    if (!tag) return std::nullopt;
    Field field{.number = *tag >> 3, .all = {}, .content = std::nullopt};
    if (!Skip(*tag & 7, field.content)) return std::nullopt;
    field.all = before.substr(0, before.size() - rest_.size());
    return field;
  }

 private:
  bool Skip(uint64_t type, std::optional<std::string_view>& content) {
    if (type == kVarint) return Varint(kMaxVarintBytes).has_value();
    if (type == kFixed64) return Take(8).has_value();
    if (type == kFixed32) return Take(4).has_value();
    if (type != kLengthDelimited) return false;
    if (const auto size = Varint(kMaxTagBytes)) content = Take(*size);
    return content.has_value();
  }

  std::optional<uint64_t> Varint(int max_bytes) {
    uint64_t value = 0;
    for (int i = 0; i < max_bytes && !rest_.empty(); ++i) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::optional<std::string_view> Take(uint64_t size) {
    if (size > rest_.size()) return std::nullopt;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

}  // namespace descent::onnx
