// Models as ONNX.
//
//   DESCENT_TRY(form, onnx::FormOfModel(model));
//   DESCENT_TRY(bytes, onnx::Complete(form, values));   // a file of operator set 18
//
// A form is the file without the values of the model's state: an executable completes it with what
// it has learned.
#pragma once

#include <map>
#include <string>

#include "ir/model.h"
#include "ir/onnx_form.h"

namespace descent::onnx {

inline constexpr int kExportedOpset = 18;

/// What the model predicts, if it trains, else all its outputs. Operators that ONNX has keep their
/// node; of the others those that are made of operators are exported as these. Inputs and outputs
/// keep their names and order; the batch is any, unless operators hold it fast; inputs are raw
/// data, which the file normalizes as the model says. Where operators have no form in
/// ONNX, `missing` lists all of them.
Result<OnnxForm> FormOfModel(const Model& model);

/// The ONNX file that `model` was imported from, as it is, symbolic extents and descriptions
/// included; but numbers from files beside it are taken in.
Result<OnnxForm> FormOfFile(const std::string& path, const Model& model);

/// Sha256Hex of the file that `model` was imported from without the values of the model's slots and
/// the order of initializers: what FormOfFile writes of it has the same. Symbolic extents and a
/// task change the model, but not what its parameters are for.
Result<std::string> FileHash(const std::string& path, const Model& model);

/// `values` has a tensor for each initializer's source. Fails with status 3 where the form is
/// missing or the file would be larger than ONNX files can be.
Result<std::string> Complete(const OnnxForm& form, const std::map<std::string, Tensor>& values);

/// FormOfModel, completed.
Result<std::string> ExportModel(const Model& model, const std::map<std::string, Tensor>& values);

}  // namespace descent::onnx
