#include "frontends/onnx/input_shapes.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

namespace descent::onnx {
namespace {

using Infos = std::vector<const proto::ValueInfoProto*>;
using proto::TensorShapeProto;

bool HasNumber(const TensorShapeProto::Dimension& dim) {
  return dim.value_case() == TensorShapeProto::Dimension::kDimValue;
}

struct GivenInput {
  const proto::ValueInfoProto& info;
  const Shape& shape;
};

/// Those without a name are inputs in order where there is one for each that has no given name.
std::vector<GivenInput> Match(Infos inputs, const std::vector<InputShape>& given) {
  std::vector<GivenInput> matched;
  std::vector<const Shape*> in_order;
  for (const InputShape& each : given) {
    if (each.name.empty()) {
      in_order.push_back(&each.shape);
      continue;
    }
    const auto place = std::ranges::find_if(
        inputs, [&](const proto::ValueInfoProto* info) { return info->name() == each.name; });
    if (place == inputs.end()) continue;
    matched.push_back({**place, each.shape});
    inputs.erase(place);
  }
  if (in_order.size() < inputs.size()) return matched;
  for (size_t i = 0; i < inputs.size(); ++i) matched.push_back({*inputs[i], *in_order[i]});
  return matched;
}

/// What `--dim` calls the axes that look like the batch; none where that has a number. A model that
/// gets a task has its rows along the first axis of the first input, whatever its outputs have.
std::vector<std::string> BatchAxes(const proto::GraphProto& graph, bool for_task) {
  const Infos inputs = DataInputs(graph);
  if (inputs.empty()) return {};
  const std::optional<std::string> batch = FirstAxis(*inputs[0]);
  const auto has_batch = [&](const proto::ValueInfoProto& info) {
    return FirstAxis(info) == batch;
  };
  if (!batch || (!for_task && !std::ranges::all_of(graph.output(), has_batch))) return {};
  std::vector<std::string> axes;
  for (const proto::ValueInfoProto* input : inputs)
    if (has_batch(*input)) axes.push_back(AxisName(*input, 0));
  return axes;
}

}  // namespace

std::string AxisName(const proto::ValueInfoProto& input, int axis) {
  const std::string& name = input.type().tensor_type().shape().dim(axis).dim_param();
  return name.empty() ? fmt::format("{}.{}", input.name(), axis) : name;
}

std::optional<std::string> FirstAxis(const proto::ValueInfoProto& info) {
  const TensorShapeProto& shape = info.type().tensor_type().shape();
  if (shape.dim_size() == 0 || HasNumber(shape.dim(0))) return std::nullopt;
  return shape.dim(0).dim_param();
}

std::map<std::string, int, std::less<>> RowAxes(const proto::GraphProto& graph) {
  const Infos inputs = DataInputs(graph);
  const auto rows = inputs.empty() ? std::nullopt : FirstAxis(*inputs[0]);
  if (!rows) return {};
  std::map<std::string, int, std::less<>> axes = {{inputs[0]->name(), 0}};
  if (rows->empty()) return axes;
  const auto add = [&](const proto::ValueInfoProto& info) {
    const TensorShapeProto& shape = info.type().tensor_type().shape();
    for (int axis = 0; axis < shape.dim_size(); ++axis)
      if (shape.dim(axis).dim_param() == *rows) axes.emplace(info.name(), axis);
  };
  for (const proto::ValueInfoProto* input : inputs) add(*input);
  for (const proto::ValueInfoProto& value : graph.value_info()) add(value);
  return axes;
}

Infos DataInputs(const proto::GraphProto& graph) {
  std::set<std::string_view> initializers;
  for (const proto::TensorProto& tensor : graph.initializer()) initializers.insert(tensor.name());
  Infos inputs;
  for (const proto::ValueInfoProto& info : graph.input())
    if (!initializers.contains(info.name())) inputs.push_back(&info);
  return inputs;
}

Result<ImportOptions> WithShapesOf(const proto::GraphProto& graph, ImportOptions options) {
  if (options.inputs.empty()) return options;
  std::map<std::string, const std::string*> sources;
  for (const auto& [info, shape] : Match(DataInputs(graph), options.inputs)) {
    const TensorShapeProto& declared = info.type().tensor_type().shape();
    if (std::ranges::all_of(declared.dim(), HasNumber)) continue;
    if (declared.dim_size() != static_cast<int>(shape.size()))
      return Error("input {} must have {} axes, but {} was given", Quoted(info.name()),
                   declared.dim_size(), ToString(shape));
    for (int axis = 0; axis < declared.dim_size(); ++axis) {
      if (HasNumber(declared.dim(axis))) continue;
      const std::string name = AxisName(info, axis);
      const auto [source, is_new] = sources.try_emplace(name, &info.name());
      if (!is_new && options.dims.at(name) != shape[axis])
        return Error("axes called {} must have one extent, but input {} has {} there and {} has {}",
                     Quoted(name), Quoted(*source->second), options.dims.at(name),
                     Quoted(info.name()), shape[axis]);
      options.dims.insert_or_assign(name, shape[axis]);
    }
  }
  return options;
}

ImportOptions WithBatch(const proto::GraphProto& graph, ImportOptions options) {
  if (options.batch == 0) return options;
  for (const std::string& axis : BatchAxes(graph, options.for_task))
    options.dims.try_emplace(axis, options.batch);
  return options;
}

Result<void> CheckBatch(const proto::GraphProto& graph, const ImportOptions& options) {
  if (options.batch == 0 || options.batch_is_guess) return {};
  for (const std::string& axis : BatchAxes(graph, options.for_task)) {
    const auto extent = options.dims.find(axis);
    if (extent != options.dims.end() && extent->second != options.batch)
      return ErrorWithStatus(ExitStatus::kUsage,
                             "axis {} is the batch: it has {} or {} rows, not both", Quoted(axis),
                             extent->second, options.batch);
  }
  return {};
}

Result<void> CheckAxisNames(const proto::GraphProto& graph, const ImportOptions& options) {
  std::vector<std::string> names;
  for (const proto::ValueInfoProto* input : DataInputs(graph)) {
    const TensorShapeProto& shape = input->type().tensor_type().shape();
    for (int axis = 0; axis < shape.dim_size(); ++axis)
      if (!HasNumber(shape.dim(axis))) names.push_back(AxisName(*input, axis));
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  for (const auto& [name, extent] : options.dims)
    if (!std::ranges::binary_search(names, name))
      return std::unexpected(
          Diagnostic{.message = fmt::format("no axis without a number is called {}", Quoted(name)),
                     .hint = names.empty() ? "all axes of the inputs have numbers"
                                           : fmt::format("these are: {}", fmt::join(names, ", ")),
                     .status = ExitStatus::kUsage});
  return {};
}

}  // namespace descent::onnx
