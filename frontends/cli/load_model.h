// Models that are to be run: as ReadModel, with the parameters that lie in files of their own.
#pragma once

#include <string>
#include <vector>

#include "ir/model.h"
#include "runtime/overwrite.h"

namespace descent::cli {

/// Reads and verifies; slots with `file "weights.safetensors"` get the tensor of their name in it,
/// relative to the model's folder (for "-", the current one) and not outside of it, by links
/// neither.
/// The files that were read are added to `read`.
Result<Model> LoadModel(const std::string& path, std::vector<runtime::NamedFile>* read = nullptr);

/// What a model that was read from `path` ("-": what standard input is) consists of: its file and
/// those of its parameters, read or not. No output may replace them.
std::vector<runtime::NamedFile> FilesOf(const Model& model, const std::string& path);

}  // namespace descent::cli
