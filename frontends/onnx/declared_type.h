// What a file declares of a value, against what the value is.
#pragma once

#include <optional>
#include <string>

#include "ir/type.h"
#include "onnx.pb.h"

namespace descent::onnx {

/// "f32[batch, 3]"; "?" for what is not declared.
std::string DeclaredText(const proto::ValueInfoProto& info);

/// "is declared as f32[3], but is f32[2]" where the element type, the number of axes or the number
/// of an axis is another one than that of `type`. Axes without a number, and all that is not
/// declared, contradict nothing; nor does the shape, if `only_dtype`.
std::optional<std::string> Contradiction(const proto::ValueInfoProto& info, const TensorType& type,
                                         bool only_dtype = false);

/// Whether some axis is declared with a number.
bool HasNumbers(const proto::ValueInfoProto& info);

}  // namespace descent::onnx
