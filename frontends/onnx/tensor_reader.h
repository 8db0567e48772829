// TensorProto -> Tensor.
#pragma once

#include <optional>
#include <string>

#include "frontends/onnx/element_type.h"
#include "frontends/onnx/storage.h"
#include "ir/diagnostic.h"
#include "ir/tensor.h"
#include "onnx.pb.h"

namespace descent::onnx {

/// A large tensor of a file views it. Errors name the tensor.
Result<Tensor> ReadTensor(const proto::TensorProto& tensor, Storage& storage);

}  // namespace descent::onnx
