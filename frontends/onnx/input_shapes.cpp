#include "frontends/onnx/input_shapes.h"

#include <algorithm>
#include <vector>

namespace descent::onnx {
namespace {

using Infos = std::vector<const proto::ValueInfoProto*>;
using proto::TensorShapeProto;

/// Inputs, except those that are initializers, too.
Infos DataInputs(const proto::GraphProto& graph) {
  Infos inputs;
  for (const proto::ValueInfoProto& info : graph.input())
    if (std::ranges::find(graph.initializer(), info.name(), &proto::TensorProto::name) ==
        graph.initializer().end())
      inputs.push_back(&info);
  return inputs;
}

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

}  // namespace

std::string AxisName(const proto::ValueInfoProto& input, int axis) {
  const std::string& name = input.type().tensor_type().shape().dim(axis).dim_param();
  return name.empty() ? fmt::format("{}.{}", input.name(), axis) : name;
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

}  // namespace descent::onnx
