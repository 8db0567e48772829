// Why protobuf refuses a file: a text in it that is not UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "onnx.pb.h"

namespace descent::onnx {

/// The first text of a serialized ModelProto that is not UTF-8, and its field: "NodeProto.name is
/// 'a\\xff', not UTF-8". "" where there is none in front of what is no message.
std::string FindBrokenText(std::string_view model);

}  // namespace descent::onnx
