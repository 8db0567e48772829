#include "frontends/onnx/import.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "frontends/onnx/class_names.h"
#include "frontends/onnx/graph_importer.h"
#include "frontends/onnx/input_shapes.h"
#include "frontends/onnx/proto_file.h"
#include "frontends/onnx/torch_export.h"
#include "ir/io/model_file.h"

namespace descent::onnx {
namespace {

/// What is declared of values inside the graph is often left from before it was changed.
constexpr const char* kStaleValues =
    "declarations of values inside the graph may be left out: in Python, "
    "`del model.graph.value_info[:]`";

namespace fs = std::filesystem;
using FirstAxes = std::vector<std::optional<std::string>>;

/// Numbers to be added to scores, of which some are infinite: nothing that is trained.
bool IsMask(const Slot& slot) {
  constexpr int64_t kMostElements = int64_t{1} << 24;
  const auto& data = slot.initializer.data;
  if (!data || slot.type.dtype != DType::kF32 || slot.type.elements() > kMostElements) return false;
  // Tensors that lie in a file may lie anywhere.
  const std::byte* bytes = data->bytes().data();
  for (int64_t i = 0; i < slot.type.elements(); ++i) {
    float number = 0;
    std::memcpy(&number, bytes + i * sizeof number, sizeof number);
    if (std::isinf(number)) return true;
  }
  return false;
}

std::string ModelName(const proto::ModelProto& model, const std::string& path) {
  return model.graph().name().empty() ? fs::path(path).stem().string() : model.graph().name();
}

/// Inputs, except those that are initializers, too (before IR version 4 all of them were), which
/// must have the type that the input declares. Gives the names of their first axes.
FirstAxes ImportInputs(const proto::GraphProto& graph, GraphImporter& importer, Scope& scope,
                       Model& model) {
  FirstAxes axes;
  for (const proto::ValueInfoProto& info : graph.input()) {
    if (scope.Defines(info.name())) {
      if (model.FindInput(info.name()) != nullptr)
        importer.Report(
            {.message = fmt::format("input {} is declared twice", Quoted(info.name()))});
      else if (const auto type = scope.TypeOf(info.name()))
        importer.CheckDeclared("initializer", info, *type);
      continue;
    }
    auto type = importer.TypeOf(info);
    if (!type) {
      importer.ReportUndefined(info.name(), std::move(type).error());
      continue;
    }
    model.inputs.push_back({.name = info.name(), .type = *type});
    axes.push_back(FirstAxis(info));
    scope.Bind(info.name(), scope.builder().Input(info.name(), *type));
  }
  return axes;
}

/// The graph's outputs, which must have the types that they declare.
void ExportOutputs(const proto::GraphProto& graph, GraphImporter& importer, Scope& scope) {
  for (const proto::ValueInfoProto& info : graph.output()) {
    if (!scope.Knows(info.name())) {
      if (!importer.ReportMissing(info.name()))
        importer.Report(
            {.message = fmt::format("nothing defines the output {}", Quoted(info.name()))});
    } else if (scope.IsSequence(info.name())) {
      importer.Report({.message = fmt::format("output {} is a sequence", Quoted(info.name())),
                       .status = ExitStatus::kUnsupported});
    } else {
      const Value value = scope.Find(info.name());
      importer.CheckDeclared("output", info, scope.builder().type(value));
      scope.builder().Output(info.name(), value);
    }
  }
}

/// Whether the first axes of the inputs and of all outputs that have neither a name nor a number
/// have the extent of that of the first input.
bool AgreeWithoutName(const FirstAxes& axes, const Model& model) {
  const int64_t batch = model.inputs[0].type.shape[0];
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] == axes[0] && model.inputs[i].type.shape[0] != batch) return false;
  return std::ranges::all_of(model.graph.outputs(), [&](const NamedValue& output) {
    const Shape& shape = model.graph.type(output.value).shape;
    return model.FindReplaced(output.name) != nullptr || (!shape.empty() && shape[0] == batch);
  });
}

/// A name that stands for the first axis of the first input and of all outputs is the batch: such a
/// model predicts for any number of rows. So is an axis that skl2onnx gave no name. `axes`: of the
/// model's inputs.
void FindBatch(const FirstAxes& axes, const proto::GraphProto& graph, Model& model) {
  if (axes.empty() || !axes[0]) return;
  for (const proto::ValueInfoProto& output : graph.output())
    if (FirstAxis(output) != axes[0]) return;
  if (axes[0]->empty() && !AgreeWithoutName(axes, model)) return;
  model.batch = model.inputs[0].type.shape[0];
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] == axes[0]) model.inputs[i].batch_axis = 0;
}

/// Scalars that shapes or forms of operators follow from are constants.
Result<void> KeepReliedOn(const Scope& scope, Model& model) {
  const auto is_kept = [&](const Slot& slot) {
    return slot.type.rank() == 0 && scope.relied_on().contains(slot.name);
  };
  if (std::ranges::none_of(model.slots, is_kept)) return {};
  GraphBuilder builder;
  std::vector<Value> inputs;
  for (const NamedValue& input : model.graph.inputs()) {
    const Slot* slot = model.FindSlot(input.name);
    inputs.push_back(slot != nullptr && is_kept(*slot)
                         ? builder.Constant(*slot->initializer.data, input.name)
                         : builder.Input(input.name, model.graph.type(input.value)));
  }
  DESCENT_TRY(values, Inline(model.graph, inputs, builder));
  for (const NamedValue& output : model.graph.outputs())
    builder.Output(output.name, values[output.value.node][output.value.result]);
  model.graph = std::move(builder).Build();
  std::erase_if(model.slots, is_kept);
  return {};
}

Result<Model> Import(ProtoFile& file, const std::string& path, const ImportOptions& options) {
  const proto::GraphProto& graph = file.model.graph();
  Model model{.name = ModelName(file.model, path)};
  GraphBuilder builder;
  GraphImporter importer(file, options);
  Scope scope(builder, model);
  DESCENT_RETURN_IF_ERROR(importer.Finish());
  importer.ImportInitializers(graph, scope);
  const FirstAxes axes = ImportInputs(graph, importer, scope, model);
  if (!axes.empty() && axes[0]) scope.SetRows(model.inputs[0].type.shape[0]);
  importer.ImportNodes(graph, scope);
  for (const proto::ValueInfoProto& info : graph.value_info())
    if (const auto type = scope.TypeOf(info.name()))
      importer.CheckDeclared("value", info, *type, kStaleValues);
  DESCENT_RETURN_IF_ERROR(importer.Finish());
  ExportOutputs(graph, importer, scope);
  DESCENT_RETURN_IF_ERROR(importer.Finish());
  if (options.all_parameters) scope.ReadAllWeights();
  for (Slot& slot : model.slots)
    if (slot.kind == SlotKind::kParameter &&
        (importer.signature().IsBuffer(slot.name) || IsMask(slot)))
      slot.trainable = false;
  model.graph = std::move(builder).Build();
  if (!options.all_parameters) DESCENT_RETURN_IF_ERROR(KeepReliedOn(scope, model));
  FindBatch(axes, graph, model);
  DESCENT_RETURN_IF_ERROR(Verify(model));
  return model;
}

Result<Model> ImportFor(const ImportOptions& options, const std::string& path, ProtoFile& file) {
  const proto::GraphProto& graph = file.model.graph();
  DESCENT_RETURN_IF_ERROR(CheckAxisNames(graph, options));
  DESCENT_RETURN_IF_ERROR(CheckBatch(graph, options));
  DESCENT_TRY(with_shapes, WithShapesOf(graph, options));
  const ImportOptions with_batch = WithBatch(graph, with_shapes);
  auto model = Import(file, path, with_batch);
  const bool is_guess = with_batch.dims != with_shapes.dims;
  // Not the batch after all: its extent must be said.
  if (is_guess && model && model->batch == 0 && !options.for_task)
    return Import(file, path, with_shapes);
  return model;
}

Result<Model> ImportFile(ProtoFile file, const std::string& path, const ImportOptions& options) {
  NumberClassNames(file.model);
  auto model = ImportFor(options, path, file);
  if (!model) return std::unexpected(AboutModel(std::move(model).error(), path));
  return model;
}

}  // namespace

bool IsOnnxName(std::string_view path) { return path.ends_with(".onnx"); }

std::vector<std::string> ExternalFiles(const std::string& path) {
  auto file = ReadProto(path);
  if (!file) return {};
  std::set<std::string> files;
  ForEachTensor(file->model, [&](const proto::TensorProto& tensor) {
    for (const proto::StringStringEntryProto& entry : tensor.external_data())
      if (entry.key() == "location")
        files.insert((fs::path(path).parent_path() / entry.value()).string());
  });
  return {files.begin(), files.end()};
}

Result<Model> ParseModel(std::string_view bytes, const std::string& path,
                         const ImportOptions& options) {
  DESCENT_TRY(file, ParseProto(bytes, path));
  return ImportFile(std::move(file), path, options);
}

Result<Model> ImportModel(const std::string& path, const ImportOptions& options) {
  DESCENT_TRY(file, ReadProto(path));
  return ImportFile(std::move(file), path, options);
}

}  // namespace descent::onnx
