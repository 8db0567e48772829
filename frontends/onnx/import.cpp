#include "frontends/onnx/import.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <google/protobuf/stubs/logging.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "frontends/onnx/graph_importer.h"
#include "frontends/onnx/torch_export.h"
#include "ir/io/limits.h"
#include "ir/io/model_file.h"
#include "onnx.pb.h"

namespace descent::onnx {
namespace {

namespace fs = std::filesystem;

std::string ModelName(const proto::ModelProto& model, const std::string& path) {
  return model.graph().name().empty() ? fs::path(path).stem().string() : model.graph().name();
}

/// Inputs, except those that are initializers, too (before IR version 4 all of them were).
void ImportInputs(const proto::GraphProto& graph, GraphImporter& importer, Scope& scope,
                  Model& model) {
  for (const proto::ValueInfoProto& info : graph.input()) {
    if (scope.Defines(info.name())) {
      if (model.FindInput(info.name()) != nullptr)
        importer.Report(
            {.message = fmt::format("input {} is declared twice", Quoted(info.name()))});
      continue;
    }
    auto type = importer.TypeOf(info);
    if (!type) {
      importer.ReportUndefined(info.name(), std::move(type).error());
      continue;
    }
    model.inputs.push_back({.name = info.name(), .type = *type});
    scope.Bind(info.name(), scope.builder().Input(info.name(), *type));
  }
}

void ExportOutputs(const proto::GraphProto& graph, GraphImporter& importer, Scope& scope) {
  for (const proto::ValueInfoProto& info : graph.output()) {
    if (!scope.Knows(info.name())) {
      importer.Report(
          {.message = fmt::format("nothing defines the output {}", Quoted(info.name()))});
    } else if (scope.IsSequence(info.name())) {
      importer.Report({.message = fmt::format("output {} is a sequence", Quoted(info.name())),
                       .status = ExitStatus::kUnsupported});
    } else {
      scope.builder().Output(info.name(), scope.Find(info.name()));
    }
  }
}

Result<Model> Import(const proto::ModelProto& file, const std::string& path,
                     const ImportOptions& options) {
  Model model{.name = ModelName(file, path)};
  GraphBuilder builder;
  GraphImporter importer(file, options, fs::path(path).parent_path().string());
  Scope scope(builder, model);
  importer.ImportInitializers(file.graph(), scope);
  ImportInputs(file.graph(), importer, scope, model);
  importer.ImportNodes(file.graph(), scope);
  DESCENT_RETURN_IF_ERROR(importer.Finish());
  ExportOutputs(file.graph(), importer, scope);
  DESCENT_RETURN_IF_ERROR(importer.Finish());
  const TorchSignature signature(file);
  for (Slot& slot : model.slots)
    if (signature.IsBuffer(slot.name)) slot.trainable = false;
  model.graph = std::move(builder).Build();
  DESCENT_RETURN_IF_ERROR(Verify(model));
  return model;
}

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

}  // namespace

bool IsOnnxName(std::string_view path) { return path.ends_with(".onnx"); }

Result<Model> ParseModel(std::string_view bytes, const std::string& path,
                         const ImportOptions& options) {
  // What is wrong is told once, by us.
  const google::protobuf::LogSilencer silence;
  proto::ModelProto file;
  if (bytes.size() > kMaxModelBytes ||
      !file.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !file.has_graph())
    return std::unexpected(AboutModel({.message = "is not an ONNX model"}, path));
  SeparateMergedParameters(file);
  auto model = Import(file, path, options);
  if (!model) return std::unexpected(AboutModel(std::move(model).error(), path));
  return model;
}

Result<Model> ImportModel(const std::string& path, const ImportOptions& options) {
  const MappedFile file(path);
  if (!file.good())
    return ErrorWithStatus(ExitStatus::kIo, "cannot read {}: {}", Quoted(path),
                           std::strerror(errno));
  return ParseModel(file.bytes(), path, options);
}

}  // namespace descent::onnx
