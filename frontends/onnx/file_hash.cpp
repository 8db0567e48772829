// Which network an ONNX file holds, whatever its parameters are.
#include <fmt/ranges.h>

#include <map>
#include <span>
#include <string_view>

#include "frontends/onnx/export.h"
#include "frontends/onnx/proto_file.h"
#include "frontends/onnx/tensor_reader.h"
#include "ir/io/model_hash.h"

namespace descent::onnx {
namespace {

using proto::GraphProto;
using proto::TensorProto;

/// The messages that decide what is computed.
std::string Structure(const proto::ModelProto& model) {
  proto::ModelProto structure;
  *structure.mutable_opset_import() = model.opset_import();
  *structure.mutable_functions() = model.functions();
  GraphProto& graph = *structure.mutable_graph();
  *graph.mutable_node() = model.graph().node();
  *graph.mutable_input() = model.graph().input();
  *graph.mutable_output() = model.graph().output();
  return structure.SerializeAsString();
}

/// Type, extents and the hash of the numbers, unless these are learned.
std::string Summary(const TensorProto& tensor, const Model& model, Storage& storage) {
  std::string summary = fmt::format("{}[{}]", tensor.data_type(), fmt::join(tensor.dims(), ", "));
  if (model.FindSlot(tensor.name()) != nullptr) return summary;
  if (const auto value = ReadTensor(tensor, storage)) {
    const std::span<const std::byte> bytes = value->bytes();
    summary += Sha256Hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  return summary;
}

}  // namespace

Result<std::string> FileHash(const std::string& path, const Model& model) {
  DESCENT_TRY(file, ReadProto(path));
  std::map<std::string_view, std::string> initializers;
  for (const TensorProto& tensor : file.model.graph().initializer())
    initializers.emplace(tensor.name(), Summary(tensor, model, file.storage));
  std::string text = Structure(file.model);
  for (const auto& [name, summary] : initializers)
    text += fmt::format("\n{}: {}", Quoted(name), summary);
  return Sha256Hex(text);
}

}  // namespace descent::onnx
