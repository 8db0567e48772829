#include "compiler/kernel/split_reductions.h"

#include <algorithm>
#include <cmath>

#include "compiler/graph/sum_of_products.h"
#include "compiler/kernel/contraction.h"
#include "compiler/kernel/schedule.h"
#include "ir/counts.h"
#include "ir/index_map.h"

namespace descent {
namespace {

/// Reductions with more results have tiles enough without chunks.
constexpr int64_t kFewResults = 512;
/// A contraction has about one tile per this many results.
constexpr int64_t kTileResults = 64 * 64;
constexpr int64_t kFewTiles = 16;
constexpr int64_t kMaxChunks = 32;
constexpr int64_t kChunkWork = 128 << 10;
/// Terms that are added to one another in a row: rounding errors grow with them, and a sum of f32
/// stops growing at 2^24 equal ones. Contractions cut theirs into blocks of K.
constexpr int64_t kLongestChain = 16 << 10;
/// Along a row in memory, each lane of several vectors has a sum of its own; at least so many.
constexpr int64_t kChainsOfRow = 32;

struct Cut {
  int axis = 0;  ///< reduced axis that is cut
  int64_t extent = 0, chunks = 1, length = 0;
  bool ragged() const { return chunks * length != extent; }
};

Cut CutOf(const Computation& computation) {
  Cut cut{.axis = computation.rank, .extent = computation.axes[computation.rank]};
  cut.length = CeilDiv(cut.extent, ReductionChunks(computation));
  cut.chunks = CeilDiv(cut.extent, cut.length);
  return cut;
}

/// A sum of products that adds 0 outside the last chunk, where what is computed of zeros may be
/// anything. A plain read that is guarded there is 0 by itself.
Scalar ProductInside(const Computation& partial, const Guard& chunk) {
  auto [a, b] = *FactorsOf(*partial.reducer);
  const auto is_zero = [&](const Scalar& factor) {
    if (factor->kind != ScalarKind::kRead) return false;
    const TensorRead& read = partial.reads[factor->slot];
    return std::ranges::any_of(read.guards, [&](const Guard& guard) {
      return guard.extent == chunk.extent && SameIndex(guard.index, chunk.index) &&
             read.outside->number == 0;
    });
  };
  const auto zero_outside = [&](const Scalar& factor) {
    return Call(ScalarOp::kSelect, {InRange({chunk}), factor, ConstantScalar(factor->dtype, 0)});
  };
  const bool any_zero = is_zero(a) || is_zero(b);
  if (!is_zero(a) && (!any_zero || a->kind != ScalarKind::kRead)) a = zero_outside(a);
  if (!is_zero(b) && b->kind != ScalarKind::kRead) b = zero_outside(b);
  return Call(ScalarOp::kAdd, {Accumulator(0, a->dtype), Call(ScalarOp::kMul, {a, b})});
}

/// The state of every chunk: the chunk is the first parallel axis.
Computation PartialOf(const Computation& whole, const Cut& cut, bool contraction) {
  Computation partial = whole;
  partial.axes.insert(partial.axes.begin(), cut.chunks);
  partial.axes[cut.axis + 1] = cut.length;
  partial.rank = whole.rank + 1;
  const Index position = Axis(0) * cut.length + Axis(cut.axis + 1);
  const auto axis = [&](int old) { return old == cut.axis ? position : Axis(old + 1); };
  const auto map = [&](const Scalar& scalar) {
    return Rewrite(scalar, [&](const ScalarNode& node) -> Scalar {
      return node.kind == ScalarKind::kIndex ? IndexScalar(MapIndex(node.index, axis)) : nullptr;
    });
  };
  for (TensorRead& read : partial.reads) {
    bool cut_read = false;
    for (const Index& index : read.coordinates) cut_read |= UsesAxis(index, cut.axis);
    for (Index& index : read.coordinates) index = MapIndex(index, axis);
    for (Guard& guard : read.guards) guard.index = MapIndex(guard.index, axis);
    if (!cut.ragged() || !cut_read) continue;
    read.guards.push_back({position, cut.extent});
    if (!read.outside) read.outside = ConstantInt(read.dtype, 0);
  }
  partial.results.clear();
  partial.tensors.clear();
  Reducer& reducer = *partial.reducer;
  const Scalar inside = InRange({{position, cut.extent}});
  for (size_t i = 0; i < reducer.step.size(); ++i) {
    const Scalar state = Accumulator(static_cast<int>(i), reducer.init[i]->dtype);
    reducer.step[i] = map(reducer.step[i]);
    if (cut.ragged())
      reducer.step[i] = contraction ? ProductInside(partial, {position, cut.extent})
                                    : Call(ScalarOp::kSelect, {inside, reducer.step[i], state});
    partial.results.push_back(state);
  }
  return partial;
}

/// Combines the chunks in order; results and epilogue reads are those of the whole.
Computation CombinedOf(const Computation& whole, const Cut& cut, const std::vector<int>& partials) {
  Computation combined{.axes = whole.domain(),
                       .rank = whole.rank,
                       .reads = whole.reads,
                       .reducer = whole.reducer,
                       .results = whole.results,
                       .tensors = whole.tensors,
                       .nodes = whole.nodes};
  combined.axes.push_back(cut.chunks);
  Reducer& reducer = *combined.reducer;
  std::vector<Scalar> parts;
  for (size_t i = 0; i < partials.size(); ++i) {
    const DType dtype = reducer.init[i]->dtype;
    Shape view{cut.chunks};
    const Shape domain = whole.domain();
    view.insert(view.end(), domain.begin(), domain.end());
    std::vector<Index> coordinates{Axis(whole.rank)};
    for (const Index& index : AxisRange(0, whole.rank)) coordinates.push_back(index);
    parts.push_back(ReadScalar(static_cast<int>(combined.reads.size()), dtype));
    combined.reads.push_back({.tensor = partials[i],
                              .dtype = dtype,
                              .view = std::move(view),
                              .coordinates = std::move(coordinates),
                              .guards = {},
                              .outside = nullptr});
  }
  for (Scalar& step : reducer.step) step = nullptr;
  for (size_t i = 0; i < parts.size(); ++i)
    reducer.step[i] = Rewrite(reducer.combine[i], [&](const ScalarNode& node) -> Scalar {
      return node.kind == ScalarKind::kOther ? parts[node.slot] : nullptr;
    });
  return combined;
}

/// Reads that stand in the results must not be mistaken for reads over the chunks: those of the
/// step are dropped by Normalize, since nothing uses them any more.
void Split(const Computation& whole, std::vector<Work>& works, TensorTable& tensors) {
  const Cut cut = CutOf(whole);
  Computation partial = PartialOf(whole, cut, FindContraction(whole).has_value());
  const std::string name = tensors[whole.tensors[0]].name + ".partial";
  Shape shape{cut.chunks};
  const Shape domain = whole.domain();
  shape.insert(shape.end(), domain.begin(), domain.end());
  for (const Scalar& state : partial.results)
    partial.tensors.push_back(tensors.AddBeside(whole.tensors[0], name, {state->dtype, shape}));
  const std::vector<int> partials = partial.tensors;
  partial.nodes = {name};
  Computation combined = CombinedOf(whole, cut, partials);
  Normalize(partial);
  Normalize(combined);
  works.emplace_back().computation = std::move(partial);
  works.emplace_back().computation = std::move(combined);
}

/// About `wanted`, if possible such that the last chunk is as long as the others: no read of them
/// needs a guard.
int64_t EvenChunks(int64_t extent, int64_t wanted) {
  for (int64_t distance = 0; 3 * distance <= wanted; ++distance)
    for (const int64_t chunks : {wanted + distance, wanted - distance})
      if (extent % chunks == 0) return chunks;
  return wanted;
}

/// Chunks that give all threads work.
int64_t ChunksForThreads(const Computation& computation, int64_t results, int64_t reduced) {
  const bool contraction = FindContraction(computation).has_value();
  const int64_t tiles = contraction ? CeilDiv(results, kTileResults) : CeilDiv(results, 64);
  if (contraction ? tiles >= kFewTiles : results > kFewResults) return 1;
  const int64_t work = results * reduced * std::max<int64_t>(PointCost(computation), 1);
  // Partial sums are written and read again: only where the reduction is much longer than its
  // result is wide.
  if (work < (contraction ? 4 : 1) * kSerialFlops || reduced < 2048) return 1;
  return std::min({kMaxChunks, work / kChunkWork, 2 * kMaxChunks / tiles, reduced / 256});
}

/// Whether neighbours along the last axis lie side by side in something that is read.
bool ReadsRows(const Computation& computation) {
  const auto axes = static_cast<int>(computation.axes.size());
  return std::ranges::any_of(computation.reads, [&](const TensorRead& read) {
    const auto place = AsAffine(LinearIndex(read.coordinates, read.view), axes);
    return place && place->coefficients[axes - 1] == 1;
  });
}

/// Chunks whose chains are short, and so is the one that combines them.
int64_t ChunksForAccuracy(const Computation& computation, int64_t reduced) {
  if (FindContraction(computation)) return 1;
  const int64_t chain = reduced / (ReadsRows(computation) ? kChainsOfRow : 1);
  const auto root = static_cast<int64_t>(std::sqrt(static_cast<double>(chain)));
  return CeilDiv(chain, std::max(kLongestChain, root));
}

}  // namespace

int64_t ReductionChunks(const Computation& computation) {
  if (!computation.reducer || computation.rank >= static_cast<int>(computation.axes.size()))
    return 1;
  const int64_t results = Elements(computation.domain());
  const int64_t points = Elements(computation.axes);
  if (results == 0 || points == 0) return 1;
  const int64_t reduced = points / results, extent = computation.axes[computation.rank];
  const int64_t wanted = std::max(ChunksForThreads(computation, results, reduced),
                                  ChunksForAccuracy(computation, reduced));
  return EvenChunks(extent, std::clamp<int64_t>(wanted, 1, extent));
}

void SplitReductions(Region& region, TensorTable& tensors) {
  std::vector<Work> works;
  for (Work& work : region.works) {
    if (work.is_computation() && ReductionChunks(work.computation) > 1)
      Split(work.computation, works, tensors);
    else
      works.push_back(std::move(work));
  }
  region.works = std::move(works);
}

}  // namespace descent
