// The families of operators, one function each; ir/op_def.cpp lists them.
#pragma once

#include <span>

#include "ir/op_def.h"

namespace descent {

std::span<const OpDef> LeafOps();
std::span<const OpDef> ElementwiseOps();
std::span<const OpDef> ReduceOps();
std::span<const OpDef> ContractOps();
std::span<const OpDef> LayoutOps();
std::span<const OpDef> SlicingOps();
std::span<const OpDef> WindowOps();
std::span<const OpDef> ActivationOps();
std::span<const OpDef> LossOps();
std::span<const OpDef> NormalizationOps();
std::span<const OpDef> AttentionOps();
std::span<const OpDef> TransformerOps();
std::span<const OpDef> IndexingOps();
std::span<const OpDef> RandomOps();
std::span<const OpDef> InitializerOps();
std::span<const OpDef> ControlOps();
std::span<const OpDef> FlowOps();
OpDef CheckpointedScanOp();  ///< one of FlowOps
std::span<const OpDef> AnnotationOps();
std::span<const OpDef> RecurrentOps();
std::span<const OpDef> MetricOps();

}  // namespace descent
