#include "compiler/codegen/kernel_kinds.h"

#include "compiler/codegen/attention_emitter.h"
#include "compiler/codegen/codegen.h"
#include "compiler/codegen/contraction_emitter.h"
#include "compiler/codegen/loop_emitter.h"
#include "compiler/codegen/prefix_emitter.h"
#include "compiler/codegen/scatter_emitter.h"
#include "compiler/codegen/sort_emitter.h"
#include "compiler/kernel/axis_forms.h"

namespace descent {
namespace {

int64_t LoopScratch(const Kernel& kernel, const Target&) { return LocalBytes(kernel); }
int64_t AxisScratch(const Kernel& kernel, const Target&) { return AxisScratchBytes(kernel); }
int64_t NoScratch(const Kernel&, const Target&) { return 0; }
int64_t ScheduledTiles(const Kernel& kernel, const Target&) { return kernel.schedule.tiles; }

}  // namespace

const KernelKindRow& RowOf(KernelKind kind) {
  static constexpr KernelKindRow kRows[] = {
      {EmitLoopKernel, LoopScratch, ScheduledTiles},                       // kLoops
      {EmitContractionKernel, ContractionScratchBytes, ContractionTiles},  // kContraction
      {EmitScatterKernel, NoScratch, ScheduledTiles},                      // kScatter
      {EmitBucketsKernel, NoScratch, ScheduledTiles, true},                // kBuckets
      {EmitPrefixKernel, AxisScratch, ScheduledTiles},                     // kPrefix
      {EmitSortKernel, AxisScratch, ScheduledTiles},                       // kSort
      {EmitAttentionKernel, AttentionScratchBytes, AttentionTiles},        // kAttention
  };
  return kRows[static_cast<size_t>(kind)];
}

int64_t WorkerScratchBytes(const Kernel& kernel, const Target& target) {
  return RowOf(kernel.kind).scratch_bytes(kernel, target);
}

}  // namespace descent
