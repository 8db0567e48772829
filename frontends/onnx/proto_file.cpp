#include "frontends/onnx/proto_file.h"

#include <google/protobuf/stubs/logging.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "frontends/onnx/broken_text.h"
#include "frontends/onnx/large_data.h"
#include "frontends/onnx/tied_transpose.h"
#include "frontends/onnx/torch_export.h"
#include "ir/io/limits.h"
#include "ir/io/model_file.h"

namespace descent::onnx {
namespace {

using Visit = std::function<void(proto::TensorProto&)>;

void VisitGraph(proto::GraphProto& graph, const Visit& visit);

void VisitNodes(google::protobuf::RepeatedPtrField<proto::NodeProto>& nodes, const Visit& visit) {
  for (proto::NodeProto& node : nodes) {
    for (proto::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_t()) visit(*attribute.mutable_t());
      if (attribute.has_g()) VisitGraph(*attribute.mutable_g(), visit);
    }
  }
}

void VisitGraph(proto::GraphProto& graph, const Visit& visit) {
  for (proto::TensorProto& tensor : *graph.mutable_initializer()) visit(tensor);
  VisitNodes(*graph.mutable_node(), visit);
}

void ClearPlace(proto::TensorProto& tensor) {
  tensor.clear_file_offset();
  tensor.clear_file_bytes();
}

/// Large initializers stay where they are in a file that is kept.
bool ParseMessages(std::string_view bytes, bool is_file, proto::ModelProto& model) {
  std::vector<LargeData> large;
  if (!is_file || !ParseWithoutLargeData(bytes, kLargeBytes, model, large)) {
    large.clear();
    if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
  }
  // Whatever the file says of it.
  ForEachTensor(model, ClearPlace);
  for (const LargeData& data : large) {
    proto::TensorProto& tensor = *model.mutable_graph()->mutable_initializer(data.place);
    tensor.set_file_offset(data.offset);
    tensor.set_file_bytes(data.size);
  }
  return true;
}

/// `file`, or null, is what has the bytes.
Result<ProtoFile> Parse(std::string_view bytes, const std::string& path,
                        std::shared_ptr<const MappedFile> file) {
  // What is wrong is told once, by us.
  const google::protobuf::LogSilencer silence;
  proto::ModelProto model;
  const auto refuse = [&](std::string message) {
    return std::unexpected(AboutModel({.message = std::move(message)}, path));
  };
  if (bytes.size() > kMaxModelBytes) return refuse("is not an ONNX model");
  if (!ParseMessages(bytes, file != nullptr, model)) {
    const std::string text = FindBrokenText(bytes);
    return refuse("is not an ONNX model" + (text.empty() ? text : ": " + text));
  }
  if (!model.has_graph()) return refuse("is not an ONNX model");
  SeparateMergedParameters(model);
  ProtoFile parsed{std::move(model),
                   Storage(std::filesystem::path(path).parent_path().string(), std::move(file))};
  TieTransposedCopies(parsed);
  return parsed;
}

}  // namespace

void ForEachTensor(proto::ModelProto& file, const Visit& visit) {
  VisitGraph(*file.mutable_graph(), visit);
  for (proto::FunctionProto& function : *file.mutable_functions())
    VisitNodes(*function.mutable_node(), visit);
}

Result<ProtoFile> ParseProto(std::string_view bytes, const std::string& path) {
  return Parse(bytes, path, nullptr);
}

Result<ProtoFile> ReadProto(const std::string& path) {
  auto file = MappedFile::Open(path);
  if (file == nullptr)
    return ErrorWithStatus(ExitStatus::kIo, "cannot read {}: {}", Quoted(path),
                           std::strerror(errno));
  const std::string_view bytes = file->text();
  return Parse(bytes, path, std::move(file));
}

}  // namespace descent::onnx
