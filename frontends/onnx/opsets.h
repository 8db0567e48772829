// Which version of its operator set a node is of.
#pragma once

#include <map>
#include <string>

#include "ir/diagnostic.h"
#include "onnx.pb.h"

namespace descent::onnx {

/// Versions by domain; ONNX's own is "".
using Opsets = std::map<std::string, int, std::less<>>;
using OpsetImports = google::protobuf::RepeatedPtrField<proto::OperatorSetIdProto>;

/// Of a function. Fails where a domain has two versions, or one that is not supported.
Result<Opsets> ReadOpsets(const OpsetImports& imports);
/// Of the file. Fails where it imports none: only before version 3 of the format there was but one.
Result<Opsets> ReadOpsets(const proto::ModelProto& model);

}  // namespace descent::onnx
