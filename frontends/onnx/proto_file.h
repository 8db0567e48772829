// An ONNX file as protobuf's messages.
#pragma once

#include <string>
#include <string_view>

#include "ir/diagnostic.h"
#include "onnx.pb.h"

namespace descent::onnx {

/// `path` is named in diagnostics.
Result<proto::ModelProto> ParseProto(std::string_view bytes, const std::string& path);
Result<proto::ModelProto> ReadProto(const std::string& path);

}  // namespace descent::onnx
