// Descent's models as ONNX.
//
//   DESCENT_TRY(bytes, onnx::ExportModel(model, values));   // a file of operator set 18
//
// Operators that ONNX has keep their node; of the others those that are made of operators are
// exported as these. What is exported is the inference graph: predictions of a model that trains,
// else all outputs.
#pragma once

#include <map>
#include <string>

#include "ir/model.h"

namespace descent::onnx {

inline constexpr int kExportedOpset = 18;

/// `values` has a tensor for each slot that the outputs depend on; they become initializers. Inputs
/// and outputs keep their names and order; the batch is the model's, and inputs are numbers as the
/// graph reads them: normalized where the model says so. Fails with all operators that ONNX has no
/// form for, status 3.
Result<std::string> ExportModel(const Model& model, const std::map<std::string, Tensor>& values);

}  // namespace descent::onnx
