// The tables of exporters, a function for each family file.
#pragma once

#include <span>

#include "frontends/onnx/exporters.h"

namespace descent::onnx {

std::span<const OpExporter> CompositeExporters();
std::span<const OpExporter> ContractExporters();
std::span<const OpExporter> ControlExporters();
std::span<const OpExporter> ElementwiseExporters();
std::span<const OpExporter> ImageExporters();
std::span<const OpExporter> IndexingExporters();
std::span<const OpExporter> LayoutExporters();
std::span<const OpExporter> RecurrentExporters();
std::span<const OpExporter> ReduceExporters();
std::span<const OpExporter> WindowExporters();

}  // namespace descent::onnx
