// The families of operators, one function each; ir/op_def.cpp lists them.
#pragma once

#include <span>

#include "ir/op_def.h"

namespace descent {

std::span<const OpDef> LeafOps();
std::span<const OpDef> ArithmeticOps();
std::span<const OpDef> ElementaryOps();
std::span<const OpDef> ElementwiseOps();
std::span<const OpDef> ReduceOps();
std::span<const OpDef> StatisticOps();
std::span<const OpDef> PrefixOps();
std::span<const OpDef> ContractOps();
std::span<const OpDef> EinsumOps();
std::span<const OpDef> ConvolutionOps();
std::span<const OpDef> TransposedConvolutionOps();
std::span<const OpDef> LayoutOps();
std::span<const OpDef> SlicingOps();
std::span<const OpDef> ArrangeOps();
std::span<const OpDef> MatrixOps();
std::span<const OpDef> WindowOps();
std::span<const OpDef> PoolOps();
std::span<const OpDef> GlobalPoolOps();
std::span<const OpDef> ResampleOps();
std::span<const OpDef> ResizeOps();
std::span<const OpDef> GridSampleOps();
std::span<const OpDef> LocalResponseNormOps();
std::span<const OpDef> RectifierOps();
std::span<const OpDef> ActivationOps();
std::span<const OpDef> SoftmaxOps();
std::span<const OpDef> LossOps();
std::span<const OpDef> NormalizationOps();
std::span<const OpDef> AttentionOps();
std::span<const OpDef> TransformerOps();
std::span<const OpDef> LayerNormalizationOps();
std::span<const OpDef> WeightNormalizationOps();
std::span<const OpDef> QuantizeOps();
std::span<const OpDef> IndexingOps();
std::span<const OpDef> ScatterOps();
std::span<const OpDef> BagOps();
std::span<const OpDef> SortOps();
std::span<const OpDef> SelectionOps();
std::span<const OpDef> RandomOps();
std::span<const OpDef> InitializerOps();
std::span<const OpDef> ControlOps();
std::span<const OpDef> FlowOps();
OpDef CheckpointedScanOp();  ///< one of FlowOps
std::span<const OpDef> AnnotationOps();
std::span<const OpDef> RecurrentOps();
std::span<const OpDef> MetricOps();

}  // namespace descent
