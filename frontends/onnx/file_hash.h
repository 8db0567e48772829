// Which network an ONNX file holds, whatever its parameters are.
#pragma once

#include <string>

#include "ir/diagnostic.h"
#include "ir/model.h"

namespace descent::onnx {

/// Sha256Hex of the file that `model` was imported from without the values of the model's slots and
/// the order of initializers: what FormOfFile writes of it has the same. Symbolic extents and a
/// task change the model, but not what its parameters are for.
Result<std::string> FileHash(const std::string& path, const Model& model);

}  // namespace descent::onnx
