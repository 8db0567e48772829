// An ONNX file as protobuf's messages.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "frontends/onnx/storage.h"
#include "ir/diagnostic.h"
#include "onnx.pb.h"

namespace descent::onnx {

/// A model, with the parameters apart that an exporter has merged, and what its tensors' numbers
/// that do not lie in their messages are read from.
struct ProtoFile {
  proto::ModelProto model;
  Storage storage;
};

/// `path` is named in diagnostics, external data lies beside it.
Result<ProtoFile> ParseProto(std::string_view bytes, const std::string& path);
/// Large initializers stay in the file.
Result<ProtoFile> ReadProto(const std::string& path);

/// Calls `visit` with every tensor of the file: initializers and attributes, of bodies and
/// functions too.
void ForEachTensor(proto::ModelProto& file, const std::function<void(proto::TensorProto&)>& visit);

}  // namespace descent::onnx
