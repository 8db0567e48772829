#include "frontends/onnx/large_data.h"

#include <google/protobuf/io/coded_stream.h>

#include <cstdint>
#include <utility>

#include "frontends/onnx/wire_format.h"

namespace descent::onnx {
namespace {

using google::protobuf::MessageLite;
using google::protobuf::io::CodedInputStream;

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
