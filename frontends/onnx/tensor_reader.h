// TensorProto -> Tensor.
#pragma once

#include <optional>
#include <string>

#include "frontends/onnx/element_type.h"
#include "ir/diagnostic.h"
#include "ir/tensor.h"
#include "onnx.pb.h"

namespace descent::onnx {

/// `folder` is where external data lies: its files must not be outside, by links neither. Errors
/// name the tensor.
Result<Tensor> ReadTensor(const proto::TensorProto& tensor, const std::string& folder);

}  // namespace descent::onnx
