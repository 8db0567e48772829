#include "frontends/onnx/large_data.h"

#include <google/protobuf/io/coded_stream.h>

#include <cstdint>
#include <optional>
#include <utility>

namespace descent::onnx {
namespace {

using google::protobuf::MessageLite;
using google::protobuf::io::CodedInputStream;

enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

/// Of any number, and of tags and lengths, which have 32 bits.
constexpr int kMaxVarintBytes = 10, kMaxTagBytes = 5;

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

/// Merging a message's fields one by one is parsing it.
bool Merge(std::string_view field, MessageLite& message) {
  CodedInputStream stream(reinterpret_cast<const uint8_t*>(field.data()),
                          static_cast<int>(field.size()));
  return message.MergeFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

class LeanParser {
 public:
  LeanParser(std::string_view bytes, size_t least, proto::ModelProto& model,
             std::vector<LargeData>& large)
      : bytes_(bytes), least_(least), model_(model), large_(large) {}

  bool Parse() {
    return ForEachField(bytes_, [&](const Field& field) {
      return field.Is(proto::ModelProto::kGraphFieldNumber) ? ParseGraph(*field.content)
                                                            : Merge(field.all, model_);
    });
  }

 private:
  template <typename Take>
  static bool ForEachField(std::string_view message, Take take) {
    FieldReader reader(message);
    while (!reader.AtEnd()) {
      const auto field = reader.Next();
      if (!field || !take(*field)) return false;
    }
    return true;
  }

  bool ParseGraph(std::string_view graph) {
    return ForEachField(graph, [&](const Field& field) {
      return field.Is(proto::GraphProto::kInitializerFieldNumber)
                 ? ParseInitializer(*field.content)
                 : Merge(field.all, *model_.mutable_graph());
    });
  }

  bool ParseInitializer(std::string_view serialized) {
    proto::GraphProto& graph = *model_.mutable_graph();
    const int place = graph.initializer_size();
    proto::TensorProto& tensor = *graph.add_initializer();
    bool has_data = false;
    return ForEachField(serialized, [&](const Field& field) {
      if (!field.Is(proto::TensorProto::kRawDataFieldNumber)) return Merge(field.all, tensor);
      // The last of several would count.
      if (std::exchange(has_data, true)) return false;
      if (field.content->size() < least_) return Merge(field.all, tensor);
      large_.push_back({place, static_cast<size_t>(field.content->data() - bytes_.data()),
                        field.content->size()});
      return true;
    });
  }

  std::string_view bytes_;
  size_t least_;
  proto::ModelProto& model_;
  std::vector<LargeData>& large_;
};

}  // namespace

bool ParseWithoutLargeData(std::string_view bytes, size_t least, proto::ModelProto& model,
                           std::vector<LargeData>& large) {
  return LeanParser(bytes, least, model, large).Parse();
}

}  // namespace descent::onnx
