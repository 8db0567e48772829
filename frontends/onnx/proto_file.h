// An ONNX file as protobuf's messages.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "ir/diagnostic.h"
#include "onnx.pb.h"

namespace descent::onnx {

/// With the parameters apart that an exporter has merged. `path` is named in diagnostics.
Result<proto::ModelProto> ParseProto(std::string_view bytes, const std::string& path);
Result<proto::ModelProto> ReadProto(const std::string& path);

/// Calls `visit` with every tensor of the file: initializers and attributes, of bodies and
/// functions too.
void ForEachTensor(proto::ModelProto& file, const std::function<void(proto::TensorProto&)>& visit);

}  // namespace descent::onnx
