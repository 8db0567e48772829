// Models that are to be run: as ReadModel, with the parameters that lie in files of their own.
#pragma once

#include <string>
#include <vector>

#include "frontends/cli/model_flags.h"
#include "ir/model.h"
#include "ir/onnx_form.h"
#include "runtime/overwrite.h"

namespace descent::cli {

/// Reads and verifies, and does what `flags` say; slots with `file "weights.safetensors"` get the
/// tensor of their name in it, relative to the model's folder (for "-", the current one) and not
/// outside of it, by links neither. The files that were read are added to `read`.
Result<Model> LoadModel(const std::string& path, const ModelFlags& flags = {},
                        std::vector<runtime::NamedFile>* read = nullptr);

/// What a model that was read from `path` ("-": what standard input is) consists of: its file and
/// those of its parameters, read or not. No output may replace them.
std::vector<runtime::NamedFile> FilesOf(const Model& model, const std::string& path);

/// `model` as an ONNX file without its parameters: the file of `path`, where it was read from one.
Result<OnnxForm> OnnxFormOf(const Model& model, const std::string& path);

/// What tells which network an ONNX file holds, of a `model` that was read from one; else "".
/// Parameters of a model with the same are parameters of this one.
std::string OriginOf(const Model& model, const std::string& path);

/// Numbers in all parameters.
int64_t ParameterElements(const Model& model);

}  // namespace descent::cli
