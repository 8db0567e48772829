#include "compiler/kernel/schedule.h"

#include <algorithm>

#include "compiler/kernel/attention.h"
#include "compiler/kernel/axis_forms.h"
#include "compiler/kernel/computation.h"
#include "compiler/kernel/contraction_schedule.h"
#include "ir/counts.h"
#include "ir/index_map.h"

namespace descent {
namespace {

/// Sorting updates by owner is about three times the work of applying them as they come.
constexpr int kBucketThreads = 4;
constexpr int64_t kMaxTiles = 64;
/// Elements of whole cache lines, whatever their type.
constexpr int64_t kWholeLines = 64;

int64_t ParameterBytes(const Kernel& kernel) {
  int64_t bytes = 0;
  for (const KernelParameter& parameter : kernel.parameters) bytes += parameter.type.bytes();
  return bytes;
}

/// Tiles of `piece`, at least one.
void CutInto(KernelSchedule& schedule, int64_t extent, int64_t piece) {
  schedule.tile_extent = piece;
  schedule.tiles = std::max<int64_t>(CeilDiv(extent, piece), 1);
  schedule.parallel = schedule.tiles > 1;
}

// ---- loops -------------------------------------------------------------------------------------

/// How many axes before the last parallel one make about enough tiles, the vectors along which they
/// leave whole; 0 where they don't.
int LeadingAxes(const Stage& stage, int64_t tiles) {
  constexpr int64_t kAboutEnough = 8;
  int64_t points = 1;
  int axes = 0;
  while (axes + 1 < stage.parallel && points < tiles) points *= stage.axes[axes++];
  return points * kAboutEnough >= tiles ? axes : 0;
}

/// Does a parameter have neighbours along the axis side by side?
bool IsContiguousAlong(const Kernel& kernel, int axis) {
  const Stage& stage = kernel.stages[0];
  return std::ranges::any_of(stage.reads, [&](const StageRead& read) {
    const auto strides = RowMajorStrides(kernel.parameters[read.index].type.shape);
    const auto affine =
        AsAffine(Flatten(read.coordinates, strides), static_cast<int>(stage.axes.size()));
    return affine && affine->coefficients[axis] == 1;
  });
}

/// Of the axes of the only stage, which has parallel ones: the first ones, or the longest. Pieces
/// of the last one are whole cache lines where it lies on the vector lanes.
void CutStage(const Kernel& kernel, int64_t wanted, KernelSchedule& schedule) {
  const Stage& stage = kernel.stages[0];
  int64_t extent = 1, unit = 1;
  if (const int leading = LeadingAxes(stage, wanted); leading > 1) {
    schedule.tile_axes = leading;
    for (int axis = 0; axis < leading; ++axis) extent *= stage.axes[axis];
  } else {
    const auto longest = std::max_element(stage.axes.begin(), stage.axes.begin() + stage.parallel);
    schedule.tile_axis = leading > 0 ? 0 : static_cast<int>(longest - stage.axes.begin());
    extent = stage.axes[schedule.tile_axis];
    const bool is_last = schedule.tile_axis + 1 == stage.parallel;
    if (is_last && (!stage.reducer || IsContiguousAlong(kernel, schedule.tile_axis)))
      unit = kWholeLines;
  }
  CutInto(schedule, extent, RoundUp(std::max<int64_t>(CeilDiv(extent, wanted), 1), unit));
}

void ScheduleForm(Kernel& kernel, LoopsForm&, const TargetFacts& target) {
  KernelSchedule& schedule = kernel.schedule;
  const int64_t work = WorkOf(kernel);
  const int64_t wanted =
      work < target.dispatch_work ? 1 : std::clamp<int64_t>(work / target.tile_work, 1, kMaxTiles);
  if (!kernel.outer.empty()) {
    const int64_t extent = Elements(kernel.outer);
    CutInto(schedule, extent, std::max<int64_t>(CeilDiv(extent, wanted), 1));
  } else if (kernel.stages.size() == 1 && kernel.stages[0].parallel > 0) {
    CutStage(kernel, wanted, schedule);
  }
}

void ScheduleForm(Kernel& kernel, ContractionForm&, const TargetFacts& target) {
  ScheduleContraction(kernel, target);
}

void ScheduleForm(Kernel& kernel, ScatterForm& form, const TargetFacts&) {
  if (form.chunk > 0) kernel.schedule.least_threads = kBucketThreads;
  CutInto(kernel.schedule, form.rows, form.tile_rows);
}

void ScheduleForm(Kernel& kernel, BucketsForm& form, const TargetFacts&) {
  kernel.schedule.least_threads = kBucketThreads;
  CutInto(kernel.schedule, form.scatter.updates, form.scatter.chunk);
}

/// Tiles are runs of units along the axis.
template <typename AxisForm>
void ScheduleAlongAxis(Kernel& kernel, const AxisForm& form, const TargetFacts& target) {
  kernel.scratch_bytes = AxisScratchBytes(form);
  const int64_t units = AxisUnits(form), work = AxisWork(form);
  if (work < target.dispatch_work || units < 2) return;
  const int64_t wanted =
      std::clamp<int64_t>(work / target.tile_work, 1, std::min(units, kMaxTiles));
  CutInto(kernel.schedule, units, CeilDiv(units, wanted));
}

void ScheduleForm(Kernel& kernel, PrefixForm& form, const TargetFacts& target) {
  ScheduleAlongAxis(kernel, form, target);
}

void ScheduleForm(Kernel& kernel, SortForm& form, const TargetFacts& target) {
  ScheduleAlongAxis(kernel, form, target);
}

void ScheduleForm(Kernel& kernel, AttentionForm&, const TargetFacts& target) {
  ScheduleAttention(kernel, target);
}

int64_t LocalBytes(const Kernel& kernel) {
  int64_t bytes = 0;
  for (const Local& local : kernel.locals)
    if (!local.shape.empty()) bytes += Aligned(Elements(local.shape) * Info(local.dtype).bytes);
  return bytes;
}

}  // namespace

int64_t WorkOf(const Kernel& kernel) {
  int64_t work = 4 * ParameterBytes(kernel);
  for (const Stage& stage : kernel.stages) {
    const int64_t rows = Elements(kernel.outer);
    if (stage.reducer) work += 2 * rows * Elements(stage.axes) * ScalarCost(stage.reducer->step);
    const Shape parallel(stage.axes.begin(), stage.axes.begin() + stage.parallel);
    work += 2 * rows * Elements(parallel) * ScalarCost(stage.results);
  }
  return work;
}

int64_t TrafficBytes(const Kernel& kernel) {
  // How often each parameter's elements are accessed, where stages say all about it.
  const bool staged = kernel.is<LoopsForm>() || kernel.is<ContractionForm>();
  std::vector<int64_t> accesses(kernel.parameters.size(), staged ? 0 : -1);
  for (const Stage& stage : staged ? kernel.stages : std::vector<Stage>()) {
    const int64_t rows = Elements(kernel.outer);
    const Shape parallel(stage.axes.begin(), stage.axes.begin() + stage.parallel);
    for (const StageRead& read : stage.reads)
      if (read.source == Source::kParameter)
        accesses[read.index] =
            SaturatingAdd(accesses[read.index], SaturatingMultiply(rows, Elements(stage.axes)));
    for (const StageStore& store : stage.stores)
      if (store.parameter >= 0)
        accesses[store.parameter] =
            SaturatingAdd(accesses[store.parameter], SaturatingMultiply(rows, Elements(parallel)));
  }
  if (kernel.is<ScatterForm>()) {
    const auto& form = kernel.as<ScatterForm>();
    for (const auto& [from, to] : kernel.in_place)
      accesses[from] = accesses[to] = SaturatingMultiply(form.updates, form.row_elements);
  }
  int64_t bytes = 0;
  for (size_t i = 0; i < accesses.size(); ++i) {
    const TensorType& type = kernel.parameters[i].type;
    const int64_t touched =
        accesses[i] < 0 ? type.elements() : std::min(type.elements(), accesses[i]);
    bytes += touched * Info(type.dtype).bytes;
  }
  return bytes;
}

void Schedule(Kernel& kernel, const TargetFacts& target) {
  kernel.schedule = {};
  kernel.scratch_bytes = LocalBytes(kernel);
  std::visit([&](auto& form) { ScheduleForm(kernel, form, target); }, kernel.form);
}

}  // namespace descent
