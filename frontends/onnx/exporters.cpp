#include "frontends/onnx/exporters.h"

#include <map>

#include "frontends/onnx/exporters/families.h"

namespace descent::onnx {

std::vector<int64_t> ExportedNode::Axes() const {
  std::vector<int64_t> axes = Ints("axes");
  if (axes.empty())
    for (int axis = 0; axis < rank(); ++axis) axes.push_back(axis);
  return axes;
}

DType RingType(DType dtype) {
  if (!Info(dtype).is_integer) return dtype;
  return Info(dtype).bytes < 8 ? DType::kI32 : DType::kI64;
}

const OpExporter* FindExporter(std::string_view name) {
  static const auto kRows = [] {
    std::map<std::string_view, const OpExporter*> rows;
    for (const std::span<const OpExporter> family :
         {CompositeExporters(), ContractExporters(), ControlExporters(), ElementwiseExporters(),
          ImageExporters(), IndexingExporters(), LayoutExporters(), RecurrentExporters(),
          ReduceExporters(), WindowExporters()})
      for (const OpExporter& row : family) rows.emplace(row.name, &row);
    return rows;
  }();
  const auto row = kRows.find(name);
  return row == kRows.end() ? nullptr : row->second;
}

}  // namespace descent::onnx
