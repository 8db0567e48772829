#include "frontends/cli/load_model.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>

#include "frontends/cli/command.h"
#include "frontends/cli/run/tensor_input.h"
#include "frontends/onnx/export.h"
#include "frontends/onnx/import.h"
#include "ir/io/model_folder.h"

namespace descent::cli {
namespace {

namespace fs = std::filesystem;

using Files = std::map<std::string, std::map<std::string, Tensor>>;

Result<Tensor> TensorOf(const Slot& slot, const fs::path& folder, Files& files) {
  const std::string& file = slot.initializer.file;
  if (!files.contains(file)) {
    // The verifier has refused names that lead outside; a link may still do it.
    if (!PathInFolder(folder, file))
      return InputError(fmt::format("file {} is not inside the model's folder", Quoted(file)));
    DESCENT_TRY(tensors, ReadTensors((folder / file).string()));
    files.emplace(file, std::move(tensors));
  }
  const auto& tensors = files.at(file);
  const auto place = tensors.find(slot.name);
  if (place == tensors.end())
    return InputError(fmt::format("{} has no tensor {}", Quoted(file), Quoted(slot.name)));
  if (place->second.type() != slot.type)
    return InputError(fmt::format("{}: {} is {}, but the model has {}", file, Quoted(slot.name),
                                  ToString(place->second.type()), ToString(slot.type)));
  return place->second;
}

}  // namespace

std::vector<runtime::NamedFile> FilesOf(const Model& model, const std::string& path) {
  const bool is_input = path == "-";
  std::vector<runtime::NamedFile> files = {{"MODEL", is_input ? "/dev/stdin" : path}};
  const fs::path folder = is_input ? fs::path() : fs::path(path).parent_path();
  for (const Slot& slot : model.slots)
    if (!slot.initializer.file.empty())
      files.push_back({"MODEL's parameters", (folder / slot.initializer.file).string()});
  if (onnx::IsOnnxName(path))
    for (std::string& file : onnx::ExternalFiles(path))
      files.push_back({"MODEL's parameters", std::move(file)});
  return files;
}

Result<OnnxForm> OnnxFormOf(const Model& model, const std::string& path) {
  return onnx::IsOnnxName(path) ? onnx::FormOfFile(path, model) : onnx::FormOfModel(model);
}

std::string OriginOf(const Model& model, const std::string& path) {
  if (!onnx::IsOnnxName(path)) return "";
  return onnx::FileHash(path, model).value_or("");
}

int64_t ParameterElements(const Model& model) {
  int64_t elements = 0;
  for (const Slot& slot : model.slots)
    if (slot.kind == SlotKind::kParameter) elements += slot.type.elements();
  return elements;
}

Result<Model> LoadModel(const std::string& path, const ModelFlags& flags,
                        std::vector<runtime::NamedFile>* read) {
  DESCENT_TRY(model, flags.Read(path));
  const fs::path parent = path == "-" ? fs::path() : fs::path(path).parent_path();
  if (read != nullptr) std::ranges::copy(FilesOf(model, path), std::back_inserter(*read));
  Files files;
  for (Slot& slot : model.slots) {
    if (slot.initializer.file.empty()) continue;
    auto tensor = TensorOf(slot, parent.empty() ? fs::path(".") : parent, files);
    if (!tensor) {
      Diagnostic diagnostic = std::move(tensor).error();
      if (diagnostic.location.file.empty()) diagnostic.location = slot.location;
      return std::unexpected(std::move(diagnostic));
    }
    slot.initializer = {.data = *std::move(tensor)};
  }
  return flags.Apply(std::move(model));
}

}  // namespace descent::cli
