// Models as protobuf messages (ir/graph.proto): binary and proto text format.
//
// Binary output is deterministic. protobuf stays behind this header; its messages never reach
// the terminal.
#pragma once

#include <string>
#include <string_view>

#include "ir/diagnostic.h"
#include "ir/model.h"

namespace descent {

/// What of a model is written.
enum class ProtoContent : uint8_t {
  kAll,
  /// Without comments, origins, sections and names of inner values, nodes in an order that follows
  /// from the structure: models that mean the same give the same bytes.
  kMeaning,
};

Result<std::string> SerializeBinary(const Model& model, ProtoContent content = ProtoContent::kAll);
Result<std::string> SerializeProtoText(const Model& model);

/// `file` is named in diagnostics. Well-formed, not yet verified.
Result<Model> ParseBinary(std::string_view bytes, const std::string& file);
Result<Model> ParseProtoText(std::string_view text, const std::string& file);

}  // namespace descent
