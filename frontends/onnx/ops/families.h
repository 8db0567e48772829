// The tables of importers, a function for each family file.
#pragma once

#include <span>

#include "frontends/onnx/registry.h"

namespace descent::onnx {

std::span<const OpImporter> ActivationImporters();
std::span<const OpImporter> AttentionImporters();
std::span<const OpImporter> ConstantImporters();
std::span<const OpImporter> ContractImporters();
std::span<const OpImporter> ControlImporters();
std::span<const OpImporter> ConvolutionImporters();
std::span<const OpImporter> ElementwiseImporters();
std::span<const OpImporter> GradientImporters();
std::span<const OpImporter> ImageImporters();
std::span<const OpImporter> IndexingImporters();
std::span<const OpImporter> LayoutImporters();
std::span<const OpImporter> LinearAttentionImporters();
std::span<const OpImporter> LossImporters();
std::span<const OpImporter> NormalizationImporters();
std::span<const OpImporter> OptimizerImporters();
std::span<const OpImporter> PoolImporters();
std::span<const OpImporter> QuantizeImporters();
std::span<const OpImporter> RandomImporters();
std::span<const OpImporter> RecurrentImporters();
std::span<const OpImporter> ReduceImporters();
std::span<const OpImporter> SamplingImporters();
std::span<const OpImporter> ScatterImporters();
std::span<const OpImporter> ScikitImporters();
std::span<const OpImporter> SequenceImporters();
std::span<const OpImporter> SignalImporters();
std::span<const OpImporter> SlicingImporters();
std::span<const OpImporter> SortImporters();

}  // namespace descent::onnx
