#include "frontends/onnx/proto_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <google/protobuf/stubs/logging.h>

#include <cerrno>
#include <cstring>

#include "frontends/onnx/torch_export.h"
#include "ir/io/limits.h"
#include "ir/io/model_file.h"

namespace descent::onnx {
namespace {

/// A file in memory, read only.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0) return;
    if (fstat(file, &status) == 0) {
      size_ = static_cast<size_t>(status.st_size);
      data_ = size_ == 0 ? nullptr : mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    }
    close(file);
  }
  ~MappedFile() {
    if (good() && data_ != nullptr) munmap(data_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  bool good() const { return data_ != MAP_FAILED; }
  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }

 private:
  void* data_ = MAP_FAILED;
  size_t size_ = 0;
};

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

}  // namespace

void ForEachTensor(proto::ModelProto& file, const Visit& visit) {
  VisitGraph(*file.mutable_graph(), visit);
  for (proto::FunctionProto& function : *file.mutable_functions())
    VisitNodes(*function.mutable_node(), visit);
}

Result<proto::ModelProto> ParseProto(std::string_view bytes, const std::string& path) {
  // What is wrong is told once, by us.
  const google::protobuf::LogSilencer silence;
  proto::ModelProto file;
  if (bytes.size() > kMaxModelBytes ||
      !file.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !file.has_graph())
    return std::unexpected(AboutModel({.message = "is not an ONNX model"}, path));
  SeparateMergedParameters(file);
  return file;
}

Result<proto::ModelProto> ReadProto(const std::string& path) {
  const MappedFile file(path);
  if (!file.good())
    return ErrorWithStatus(ExitStatus::kIo, "cannot read {}: {}", Quoted(path),
                           std::strerror(errno));
  return ParseProto(file.bytes(), path);
}

}  // namespace descent::onnx
