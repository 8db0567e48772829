// Element types: ONNX's numbers and Descent's.
#pragma once

#include <string>

#include "ir/diagnostic.h"
#include "ir/type.h"

namespace descent::onnx {

/// Descent's element type of ONNX's number; an error with status 3 for types that it does not have.
Result<DType> ReadDType(int data_type);
/// What that type is called: "f32"; of one that Descent does not have "complex64", "number 99".
std::string ElementTypeName(int data_type);
/// ONNX's number of the element type.
int DTypeNumber(DType dtype);

}  // namespace descent::onnx
