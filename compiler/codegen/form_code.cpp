#include "compiler/codegen/form_code.h"

#include <iterator>

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
template <typename AxisForm>
int64_t AxisScratch(const Kernel& kernel, const Target&) {
  return AxisScratchBytes(kernel.as<AxisForm>());
}
int64_t NoScratch(const Kernel&, const Target&) { return 0; }
int64_t ScheduledTiles(const Kernel& kernel, const Target&) { return kernel.schedule.tiles; }

}  // namespace

const FormCode& CodeOf(const Kernel& kernel) {
  static constexpr FormCode kRows[] = {
      {EmitLoopKernel, LoopScratch, ScheduledTiles},                       // LoopsForm
      {EmitContractionKernel, ContractionScratchBytes, ContractionTiles},  // ContractionForm
      {EmitScatterKernel, NoScratch, ScheduledTiles},                      // ScatterForm
      {EmitBucketsKernel, NoScratch, ScheduledTiles, true},                // BucketsForm
      {EmitPrefixKernel, AxisScratch<PrefixForm>, ScheduledTiles},         // PrefixForm
      {EmitSortKernel, AxisScratch<SortForm>, ScheduledTiles},             // SortForm
      {EmitAttentionKernel, AttentionScratchBytes, AttentionTiles},        // AttentionForm
  };
  static_assert(std::size(kRows) == std::variant_size_v<AnyForm>);
  return kRows[kernel.form.index()];
}

int64_t WorkerScratchBytes(const Kernel& kernel, const Target& target) {
  return CodeOf(kernel).scratch_bytes(kernel, target);
}

}  // namespace descent
