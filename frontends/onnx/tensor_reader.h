// TensorProto -> Tensor.
#pragma once

#include <optional>
#include <string>

#include "ir/diagnostic.h"
#include "ir/tensor.h"
#include "onnx.pb.h"

namespace descent::onnx {

/// Descent's element type of ONNX's number; an error with status 3 for types that it does not have.
Result<DType> ReadDType(int data_type);
/// "float16", "complex64", "number 99".
std::string DTypeName(int data_type);

/// `folder` is where external data lies: its files must not be outside, by links neither. Errors
/// name the tensor.
Result<Tensor> ReadTensor(const proto::TensorProto& tensor, const std::string& folder);

}  // namespace descent::onnx
