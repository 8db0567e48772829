#include "compiler/kernel/schedule.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "compiler/kernel/attention.h"
#include "compiler/kernel/axis_forms.h"
#include "compiler/kernel/computation.h"
#include "compiler/kernel/lane_choice.h"
#include "compiler/kernel/window.h"
#include "ir/counts.h"
#include "ir/index_map.h"

namespace descent {
namespace {

/// Sorting updates by owner is about three times the work of applying them as they come.
constexpr int kBucketThreads = 4;
constexpr int64_t kMaxTiles = 64;
/// Elements of whole cache lines, whatever their type.
constexpr int64_t kWholeLines = 64;
/// Tiles of a large contraction, so that any usual number of threads finds enough.
constexpr int64_t kContractionTiles = 16;
/// Longest run of K that stays in registers without storing partial sums.
constexpr int64_t kMaxBlockK = 768;
constexpr int64_t kSplitBlockK = 512;
constexpr int64_t kMaxRegisterM = 14;
/// Cycles from one fused multiply-add to the next on the same register.
constexpr int64_t kFmaLatency = 4;
constexpr int64_t kLoadPorts = 2;
/// Cost of an element of rhs, which is packed for each block of M, in those of lhs, which is mostly
/// read where it lies.
constexpr int64_t kRhsWeight = 3;

Shape AxesOf(const Kernel& kernel, const Stage& stage) {
  Shape axes = kernel.outer;
  axes.insert(axes.end(), stage.axes.begin(), stage.axes.end());
  return axes;
}

int64_t Extent(const Shape& axes, const std::vector<int>& positions) {
  int64_t product = 1;
  for (const int position : positions) product *= axes[position];
  return product;
}

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

// ---- contractions ------------------------------------------------------------------------------

struct ContractionExtents {
  int64_t batch, m, n, k;
};

struct RegisterTile {
  int64_t m = 1, vectors = 1;
};

/// Cost per step of k of one register tile: arithmetic, loads or latency, whichever bounds it, and
/// a share of the loads, which never overlap perfectly. In sixteenths of a cycle.
int64_t StepCost(const RegisterTile& tile, const TargetFacts& target) {
  const int64_t arithmetic = 16 * tile.m * tile.vectors / target.fma_ports;
  const int64_t loads = 16 * (tile.m + tile.vectors) / kLoadPorts;
  // A chain that just covers the latency stalls in practice: one accumulator more a port is needed.
  const int64_t latency = 16 * (kFmaLatency + 1);
  return std::max({arithmetic, loads, latency}) + loads / 4;
}

/// The tile that covers M x N in the least time; splits are balanced, so that no edge tile is much
/// smaller.
RegisterTile ChooseRegisterTile(const ContractionExtents& extents, int64_t lanes,
                                const TargetFacts& target) {
  RegisterTile best;
  int64_t best_cost = std::numeric_limits<int64_t>::max();
  for (int64_t vectors = 1; vectors <= 6; ++vectors) {
    const int64_t limit =
        std::min(kMaxRegisterM, (target.vector_registers - 1 - vectors) / vectors);
    for (int64_t m = 1; m <= limit; ++m) {
      const RegisterTile tile{m, vectors};
      const int64_t tiles_m = CeilDiv(extents.m, m);
      if (CeilDiv(extents.m, tiles_m) != m) continue;
      const int64_t smaller = tiles_m * m - extents.m;  // these have a row less
      const int64_t column = (tiles_m - smaller) * StepCost(tile, target) +
                             smaller * StepCost({m - 1, vectors}, target);
      const int64_t cost = CeilDiv(extents.n, vectors * lanes) * column;
      const bool larger = cost == best_cost && m * vectors > best.m * best.vectors;
      if (cost < best_cost || larger) {
        best = tile;
        best_cost = cost;
      }
    }
  }
  return best;
}

/// Largest piece when `extent` is cut into `pieces` of whole units.
int64_t Piece(int64_t extent, int64_t pieces, int64_t unit) {
  return std::max(CeilDiv(CeilDiv(extent, unit), pieces), int64_t{1}) * unit;
}

/// Cuts M and N: enough tiles, blocks that fit the second-level cache, little repeated packing.
void ChooseBlocks(const ContractionExtents& extents, int64_t element_bytes,
                  const TargetFacts& target, KernelSchedule& schedule) {
  const int64_t flops = 2 * extents.batch * extents.m * extents.n * extents.k;
  const int64_t wanted =
      flops < target.dispatch_work
          ? 1
          : std::clamp<int64_t>(flops / (2 * target.tile_work), 1, kContractionTiles);
  const int64_t budget = target.l2_bytes * 3 / 4;
  int64_t best = std::numeric_limits<int64_t>::max();
  for (int64_t pieces_m = 1; pieces_m <= 256; ++pieces_m) {
    const int64_t block_m = Piece(extents.m, pieces_m, schedule.register_m);
    if (pieces_m > 1 && CeilDiv(extents.m, block_m) != pieces_m) continue;
    for (int64_t pieces_n = 1; pieces_n <= 256; ++pieces_n) {
      const int64_t block_n = Piece(extents.n, pieces_n, schedule.register_n);
      if (pieces_n > 1 && CeilDiv(extents.n, block_n) != pieces_n) continue;
      const int64_t tiles = extents.batch * pieces_m * pieces_n;
      const int64_t bytes = (block_m + block_n) * schedule.block_k * element_bytes;
      // Elements read or moved by packing, then penalties for too few tiles and for blocks that
      // spill.
      int64_t cost = extents.m * pieces_n + kRhsWeight * extents.n * pieces_m;
      if (tiles < wanted) cost += (wanted - tiles) * (extents.m + extents.n) * 4;
      if (bytes > budget) cost += (extents.m + extents.n) * 2 * bytes / budget;
      if (cost < best) {
        best = cost;
        schedule.block_m = block_m;
        schedule.block_n = block_n;
        schedule.tiles = tiles;
      }
    }
  }
  schedule.parallel = wanted > 1 && schedule.tiles > 1;
}

/// Blocks of M and K are what a box serves; N is cut for tiles enough and partial sums that stay in
/// the second-level cache.
void ChooseWindowBlocks(const ContractionExtents& extents, const WindowedFactor& window,
                        int64_t element_bytes, const TargetFacts& target,
                        KernelSchedule& schedule) {
  if (window.whole_k(extents.k))
    schedule.block_k = std::min(RoundUp(schedule.block_k, window.run), extents.k);
  else
    schedule.block_k = window.k.length;
  schedule.block_m = window.m.length;
  const int64_t row_tiles = extents.batch * extents.m / window.m.length;
  for (int64_t pieces = 1;; ++pieces) {
    schedule.block_n = Piece(extents.n, pieces, schedule.register_n);
    schedule.tiles = row_tiles * CeilDiv(extents.n, schedule.block_n);
    const int64_t partial =
        schedule.block_k < extents.k ? schedule.block_m * schedule.block_n * element_bytes : 0;
    if (schedule.block_n <= schedule.register_n) break;
    if (schedule.tiles >= kContractionTiles && partial <= target.l2_bytes / 4) break;
  }
  const int64_t flops = 2 * extents.batch * extents.m * extents.n * extents.k;
  schedule.parallel = flops >= target.dispatch_work && schedule.tiles > 1;
}

void ScheduleForm(Kernel& kernel, ContractionForm& form, const TargetFacts& target) {
  const Stage& stage = kernel.stages[0];
  const int64_t element_bytes = Info(stage.reducer->init[0]->dtype).bytes;
  const int64_t lanes = target.vector_bytes / element_bytes;
  ChooseLanes(kernel, lanes);
  const Shape axes = AxesOf(kernel, stage);
  const ContractionExtents extents{Extent(axes, form.batch), Extent(axes, form.m),
                                   Extent(axes, form.n), Extent(axes, form.k)};
  KernelSchedule& schedule = kernel.schedule;
  const std::optional<WindowedFactor> window = FindWindow(kernel, target);
  ContractionExtents tiled = extents;
  if (window) tiled.m = window->row;
  const RegisterTile tile = ChooseRegisterTile(tiled, lanes, target);
  schedule.register_m = tile.m;
  schedule.register_n = tile.vectors * lanes;
  schedule.block_k = extents.k <= kMaxBlockK ? std::max<int64_t>(extents.k, 1)
                                             : CeilDiv(extents.k, CeilDiv(extents.k, kSplitBlockK));
  if (window)
    ChooseWindowBlocks(extents, *window, element_bytes, target, schedule);
  else
    ChooseBlocks(extents, element_bytes, target, schedule);
  kernel.scratch_bytes = Aligned(schedule.block_m * schedule.block_k * element_bytes) +
                         Aligned(schedule.block_n * schedule.block_k * element_bytes);
  if (schedule.block_k < extents.k)
    kernel.scratch_bytes += Aligned(schedule.block_m * schedule.block_n * element_bytes);
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
