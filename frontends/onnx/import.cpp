#include "frontends/onnx/import.h"

#include <filesystem>
#include <utility>

#include "frontends/onnx/graph_importer.h"
#include "frontends/onnx/proto_file.h"
#include "ir/io/model_file.h"

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
  model.graph = std::move(builder).Build();
  DESCENT_RETURN_IF_ERROR(Verify(model));
  return model;
}

Result<Model> ImportFile(const proto::ModelProto& file, const std::string& path,
                         const ImportOptions& options) {
  auto model = Import(file, path, options);
  if (!model) return std::unexpected(AboutModel(std::move(model).error(), path));
  return model;
}

}  // namespace

bool IsOnnxName(std::string_view path) { return path.ends_with(".onnx"); }

Result<Model> ParseModel(std::string_view bytes, const std::string& path,
                         const ImportOptions& options) {
  DESCENT_TRY(file, ParseProto(bytes, path));
  return ImportFile(file, path, options);
}

Result<Model> ImportModel(const std::string& path, const ImportOptions& options) {
  DESCENT_TRY(file, ReadProto(path));
  return ImportFile(file, path, options);
}

}  // namespace descent::onnx
