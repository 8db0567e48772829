#include "compiler/kernel/contraction_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "compiler/graph/sum_of_products.h"
#include "compiler/kernel/computation.h"
#include "compiler/kernel/contraction.h"
#include "compiler/kernel/lane_choice.h"
#include "compiler/kernel/window.h"
#include "ir/counts.h"

namespace descent {
namespace {

/// Tiles of a large contraction, so that any usual number of threads finds enough.
constexpr int64_t kContractionTiles = 16;
/// Longest run of K that stays in registers without storing partial sums.
constexpr int64_t kMaxBlockK = 768;
constexpr int64_t kSplitBlockK = 512;
constexpr int64_t kMaxRegisterM = 14, kMaxVectors = 6;
/// Pieces into which M and N are cut.
constexpr int64_t kMaxPieces = 256;
/// Cycles from one fused multiply-add to the next on the same register.
constexpr int64_t kFmaLatency = 4;
constexpr int64_t kLoadPorts = 2;
/// Cost of an element of rhs, which is packed for each block of M, in those of lhs, which is mostly
/// read where it lies. A factor that is computed is packed on either side, and costs its
/// operations, too.
constexpr int64_t kPackedWeight = 3;

struct Extents {
  int64_t batch, m, n, k;
  int64_t flops() const { return 2 * batch * m * n * k; }
};

struct RegisterTile {
  int64_t m = 1, vectors = 1;
  int64_t cost = 0;  ///< of all of M x N, for each step of K
};

struct Blocks {
  int64_t m = 0, n = 0, tiles = 1;
  int64_t cost = 0;
};

/// What the generator knows of a kernel with its roles.
struct Problem {
  Extents extents;
  int64_t element_bytes, lanes;
  std::optional<WindowedFactor> window;
  int64_t block_k;
  int64_t lhs_weight = 1, rhs_weight = kPackedWeight;  ///< of an element, each time it is packed
};

int64_t Extent(const Shape& axes, const std::vector<int>& positions) {
  int64_t product = 1;
  for (const int position : positions) product *= axes[position];
  return product;
}

int64_t LanesOf(const Kernel& kernel, const TargetFacts& target) {
  return target.vector_bytes / Info(kernel.stages[0].reducer->init[0]->dtype).bytes;
}

/// Cost of an element of the factor with this read, 0 where it is that read and nothing else.
int64_t ComputingCost(const Kernel& kernel, int read) {
  const auto factors = FactorsOf(*kernel.stages[0].reducer);
  if (!factors) return 0;
  int64_t cost = 0;
  for (const Scalar& factor : {factors->first, factors->second}) {
    if (factor->kind == ScalarKind::kRead) continue;
    bool uses = false;
    Rewrite(factor, [&](const ScalarNode& node) -> Scalar {
      uses |= node.kind == ScalarKind::kRead && node.slot == read;
      return nullptr;
    });
    if (uses) cost += ScalarCost({factor});
  }
  return cost;
}

Problem ProblemOf(const Kernel& kernel, const TargetFacts& target) {
  const ContractionForm& form = kernel.as<ContractionForm>();
  Shape axes = kernel.outer;
  axes.insert(axes.end(), kernel.stages[0].axes.begin(), kernel.stages[0].axes.end());
  const Extents extents{Extent(axes, form.batch), Extent(axes, form.m), Extent(axes, form.n),
                        Extent(axes, form.k)};
  int64_t block_k = extents.k <= kMaxBlockK ? std::max<int64_t>(extents.k, 1)
                                            : CeilDiv(extents.k, CeilDiv(extents.k, kSplitBlockK));
  std::optional<WindowedFactor> window = FindWindow(kernel, target);
  if (window && window->whole_k(extents.k))
    block_k = std::min(RoundUp(block_k, window->run), extents.k);
  else if (window)
    block_k = window->k.length;
  const int64_t lhs = ComputingCost(kernel, form.lhs), rhs = ComputingCost(kernel, form.rhs);
  return {.extents = extents,
          .element_bytes = Info(kernel.stages[0].reducer->init[0]->dtype).bytes,
          .lanes = LanesOf(kernel, target),
          .window = std::move(window),
          .block_k = block_k,
          .lhs_weight = lhs > 0 ? kPackedWeight + lhs : 1,
          .rhs_weight = kPackedWeight + rhs};
}

// ---- register tiles ----------------------------------------------------------------------------

/// Cost per step of k of one register tile: arithmetic, loads or latency, whichever bounds it, and
/// a share of the loads, which never overlap perfectly. In sixteenths of a cycle.
int64_t StepCost(int64_t m, int64_t vectors, const TargetFacts& target) {
  const int64_t arithmetic = 16 * m * vectors / target.fma_ports;
  const int64_t loads = 16 * (m + vectors) / kLoadPorts;
  // A chain that just covers the latency stalls in practice: one accumulator more a port is needed.
  const int64_t latency = 16 * (kFmaLatency + 1);
  return std::max({arithmetic, loads, latency}) + loads / 4;
}

/// All tiles that fit the registers, the one that covers M x N in the least time first, of two that
/// take as long the larger one; splits are balanced, so that no edge tile is much smaller.
std::vector<RegisterTile> RegisterTiles(const Problem& problem, const TargetFacts& target) {
  const int64_t rows = problem.window ? problem.window->row : problem.extents.m;
  std::vector<RegisterTile> tiles;
  for (int64_t vectors = 1; vectors <= kMaxVectors; ++vectors) {
    const int64_t limit =
        std::min(kMaxRegisterM, (target.vector_registers - 1 - vectors) / vectors);
    for (int64_t m = 1; m <= limit; ++m) {
      const int64_t tiles_m = CeilDiv(rows, m);
      if (CeilDiv(rows, std::max<int64_t>(tiles_m, 1)) != m) continue;
      const int64_t smaller = tiles_m * m - rows;  // these have a row less
      const int64_t column = (tiles_m - smaller) * StepCost(m, vectors, target) +
                             smaller * StepCost(m - 1, vectors, target);
      tiles.push_back({m, vectors, CeilDiv(problem.extents.n, vectors * problem.lanes) * column});
    }
  }
  if (tiles.empty()) tiles.push_back({});  // there are no rows
  std::ranges::stable_sort(tiles, [](const RegisterTile& a, const RegisterTile& b) {
    return a.cost != b.cost ? a.cost < b.cost : a.m * a.vectors > b.m * b.vectors;
  });
  return tiles;
}

// ---- blocks ------------------------------------------------------------------------------------

/// Largest piece when `extent` is cut into `pieces` of whole units.
int64_t Piece(int64_t extent, int64_t pieces, int64_t unit) {
  return std::max(CeilDiv(CeilDiv(extent, unit), pieces), int64_t{1}) * unit;
}

/// The pieces of whole units into which `extent` can be cut, the largest first.
std::vector<int64_t> PiecesOf(int64_t extent, int64_t unit) {
  std::vector<int64_t> pieces;
  for (int64_t count = 1; count <= kMaxPieces; ++count) {
    const int64_t piece = Piece(extent, count, unit);
    if (count == 1 || CeilDiv(extent, piece) == count) pieces.push_back(piece);
  }
  return pieces;
}

/// Tiles that a contraction should have.
int64_t WantedTiles(const Extents& extents, const TargetFacts& target) {
  if (extents.flops() < target.dispatch_work) return 1;
  return std::clamp<int64_t>(extents.flops() / (2 * target.tile_work), 1, kContractionTiles);
}

/// Elements read or moved by packing, then penalties for too few tiles and for blocks that spill
/// the second-level cache.
Blocks CostOf(const Problem& problem, int64_t block_m, int64_t block_n, const TargetFacts& target) {
  const Extents& extents = problem.extents;
  const int64_t pieces_m = std::max<int64_t>(CeilDiv(extents.m, block_m), 1);
  const int64_t pieces_n = std::max<int64_t>(CeilDiv(extents.n, block_n), 1);
  const int64_t wanted = WantedTiles(extents, target), budget = target.l2_bytes * 3 / 4;
  const int64_t bytes = (block_m + block_n) * problem.block_k * problem.element_bytes;
  Blocks blocks{block_m, block_n, extents.batch * pieces_m * pieces_n};
  blocks.cost =
      problem.lhs_weight * extents.m * pieces_n + problem.rhs_weight * extents.n * pieces_m;
  if (blocks.tiles < wanted) blocks.cost += (wanted - blocks.tiles) * (extents.m + extents.n) * 4;
  if (bytes > budget) blocks.cost += (extents.m + extents.n) * 2 * bytes / budget;
  return blocks;
}

Blocks CheapestBlocks(const Problem& problem, const RegisterTile& tile, const TargetFacts& target) {
  std::optional<Blocks> best;
  const std::vector<int64_t> pieces_n = PiecesOf(problem.extents.n, tile.vectors * problem.lanes);
  for (const int64_t m : PiecesOf(problem.extents.m, tile.m))
    for (const int64_t n : pieces_n)
      if (const Blocks blocks = CostOf(problem, m, n, target); !best || blocks.cost < best->cost)
        best = blocks;
  return *best;
}

/// Of a windowed factor: blocks of M are what a box serves; N is cut for tiles enough and partial
/// sums that stay in the second-level cache.
Blocks WindowBlocks(const Problem& problem, int64_t block_n) {
  const int64_t rows = problem.window->m.length;
  const int64_t row_tiles = problem.extents.batch * problem.extents.m / rows;
  return {rows, block_n, row_tiles * CeilDiv(problem.extents.n, block_n)};
}

Blocks CheapestWindowBlocks(const Problem& problem, const RegisterTile& tile,
                            const TargetFacts& target) {
  const int64_t columns = tile.vectors * problem.lanes;
  for (int64_t pieces = 1;; ++pieces) {
    const Blocks blocks = WindowBlocks(problem, Piece(problem.extents.n, pieces, columns));
    const int64_t partial =
        problem.block_k < problem.extents.k ? blocks.m * blocks.n * problem.element_bytes : 0;
    if (blocks.n <= columns) return blocks;
    if (blocks.tiles >= kContractionTiles && partial <= target.l2_bytes / 4) return blocks;
  }
}

Blocks ChooseBlocks(const Problem& problem, const RegisterTile& tile, const TargetFacts& target) {
  return problem.window ? CheapestWindowBlocks(problem, tile, target)
                        : CheapestBlocks(problem, tile, target);
}

bool IsWorthThreads(const Problem& problem, const Blocks& blocks, const TargetFacts& target) {
  const bool enough = problem.window ? problem.extents.flops() >= target.dispatch_work
                                     : WantedTiles(problem.extents, target) > 1;
  return enough && blocks.tiles > 1;
}

// ---- both --------------------------------------------------------------------------------------

void Set(Kernel& kernel, const Problem& problem, const RegisterTile& tile, const Blocks& blocks,
         bool parallel) {
  KernelSchedule& schedule = kernel.schedule;
  schedule.register_m = tile.m;
  schedule.register_n = tile.vectors * problem.lanes;
  schedule.block_m = blocks.m;
  schedule.block_n = blocks.n;
  schedule.block_k = problem.block_k;
  schedule.tiles = blocks.tiles;
  schedule.parallel = parallel;
  kernel.scratch_bytes = Aligned(blocks.m * problem.block_k * problem.element_bytes) +
                         Aligned(blocks.n * problem.block_k * problem.element_bytes);
  if (problem.block_k < problem.extents.k)
    kernel.scratch_bytes += Aligned(blocks.m * blocks.n * problem.element_bytes);
}

ContractionForm Swapped(ContractionForm form) {
  std::swap(form.m, form.n);
  std::swap(form.lhs, form.rhs);
  return form;
}

LaneGroup LanesOf(const ContractionForm& form) {
  return ColumnsOnLanes(form) == form ? LaneGroup::kColumns : LaneGroup::kRows;
}

ContractionChoice Choice(LaneGroup lanes, const Problem& problem, const RegisterTile& tile,
                         const Blocks& blocks, const TargetFacts& target) {
  return {.lanes = lanes,
          .register_m = tile.m,
          .register_n = tile.vectors * problem.lanes,
          .block_m = blocks.m,
          .block_n = blocks.n,
          .parallel = IsWorthThreads(problem, blocks, target)};
}

RegisterTile TileOf(const Kernel& kernel, int64_t lanes) {
  return {kernel.schedule.register_m, kernel.schedule.register_n / lanes};
}

/// Of `pieces`, those that cut about 1/8, 1/4, 1/2, 1, 2, 4, 8 times as often as `piece`.
std::vector<int64_t> About(const std::vector<int64_t>& pieces, int64_t piece, int64_t extent) {
  std::vector<int64_t> chosen;
  for (int64_t eighths = 1; eighths <= 64; eighths *= 2) {
    const int64_t count = std::max<int64_t>(CeilDiv(extent, piece) * eighths / 8, 1);
    const auto near = std::ranges::min_element(
        pieces, {}, [&](int64_t p) { return std::abs(CeilDiv(extent, p) - count); });
    if (std::ranges::find(chosen, *near) == chosen.end()) chosen.push_back(*near);
  }
  return chosen;
}

/// Whether the number of threads could be chosen otherwise.
bool IsNearDispatch(const Extents& extents, const TargetFacts& target) {
  constexpr int64_t kNear = 8;
  return extents.flops() > target.dispatch_work / kNear &&
         extents.flops() < target.dispatch_work * kNear;
}

}  // namespace

ContractionForm ColumnsOnLanes(ContractionForm form) {
  return std::ranges::max(form.m) > std::ranges::max(form.n) ? Swapped(std::move(form)) : form;
}

void ScheduleContraction(Kernel& kernel, const TargetFacts& target) {
  ChooseLanes(kernel, LanesOf(kernel, target));
  const Problem problem = ProblemOf(kernel, target);
  const RegisterTile tile = RegisterTiles(problem, target).front();
  const Blocks blocks = ChooseBlocks(problem, tile, target);
  Set(kernel, problem, tile, blocks, IsWorthThreads(problem, blocks, target));
}

ContractionChoice ChoiceOf(const Kernel& kernel) {
  const KernelSchedule& schedule = kernel.schedule;
  return {.lanes = LanesOf(kernel.as<ContractionForm>()),
          .register_m = schedule.register_m,
          .register_n = schedule.register_n,
          .block_m = schedule.block_m,
          .block_n = schedule.block_n,
          .parallel = schedule.parallel};
}

std::vector<ContractionChoice> TileChoices(const Kernel& kernel, const TargetFacts& target,
                                           int64_t most) {
  const ContractionChoice own = ChoiceOf(kernel);
  std::vector<ContractionChoice> choices;
  Kernel other = kernel;
  for (const bool swap : {false, true}) {
    if (swap) other.as<ContractionForm>() = Swapped(kernel.as<ContractionForm>());
    const Problem problem = ProblemOf(other, target);
    const LaneGroup lanes = LanesOf(other.as<ContractionForm>());
    int64_t count = 0;
    for (const RegisterTile& tile : RegisterTiles(problem, target)) {
      if (count == most) break;
      const Blocks blocks = ChooseBlocks(problem, tile, target);
      const ContractionChoice choice = Choice(lanes, problem, tile, blocks, target);
      if (choice == own) continue;
      choices.push_back(choice);
      ++count;
    }
  }
  return choices;
}

std::vector<ContractionChoice> BlockChoices(const Kernel& kernel, const TargetFacts& target,
                                            int64_t most) {
  const ContractionChoice own = ChoiceOf(kernel);
  const Problem problem = ProblemOf(kernel, target);
  const Extents& extents = problem.extents;
  const RegisterTile tile = TileOf(kernel, problem.lanes);
  std::vector<Blocks> all;
  const std::vector<int64_t> rows =
      problem.window ? std::vector{problem.window->m.length}
                     : About(PiecesOf(extents.m, tile.m), own.block_m, extents.m);
  for (const int64_t m : rows)
    for (const int64_t n : About(PiecesOf(extents.n, own.register_n), own.block_n, extents.n))
      if (m != own.block_m || n != own.block_n)
        all.push_back(problem.window ? WindowBlocks(problem, n) : CostOf(problem, m, n, target));
  std::ranges::stable_sort(all, {}, &Blocks::cost);
  std::vector<ContractionChoice> choices;
  for (const Blocks& blocks : all)
    if (std::ssize(choices) < most)
      choices.push_back(Choice(own.lanes, problem, tile, blocks, target));
  if (kernel.schedule.tiles > 1 && IsNearDispatch(extents, target)) {
    choices.push_back(own);
    choices.back().parallel = !own.parallel;
  }
  return choices;
}

std::string ApplyChoice(Kernel& kernel, const ContractionChoice& choice,
                        const TargetFacts& target) {
  Kernel chosen = kernel;
  ContractionForm& form = chosen.as<ContractionForm>();
  form = ColumnsOnLanes(std::move(form));
  if (choice.lanes == LaneGroup::kRows) form = Swapped(std::move(form));
  const Problem problem = ProblemOf(chosen, target);
  const RegisterTile tile{choice.register_m, choice.register_n / problem.lanes};
  const auto is_it = [&](const RegisterTile& known) {
    return known.m == tile.m && known.vectors * problem.lanes == choice.register_n;
  };
  if (std::ranges::none_of(RegisterTiles(problem, target), is_it))
    return fmt::format("no register tile is {}x{}", choice.register_m, choice.register_n);
  const auto cuts = [](int64_t extent, int64_t block, int64_t unit) {
    return std::ranges::count(PiecesOf(extent, unit), block) > 0;
  };
  const bool rows_fit = problem.window ? choice.block_m == problem.window->m.length
                                       : cuts(problem.extents.m, choice.block_m, tile.m);
  if (!rows_fit || !cuts(problem.extents.n, choice.block_n, choice.register_n))
    return fmt::format("{} x {} is not cut into blocks of {}x{}", problem.extents.m,
                       problem.extents.n, choice.block_m, choice.block_n);
  const Blocks blocks = problem.window ? WindowBlocks(problem, choice.block_n)
                                       : CostOf(problem, choice.block_m, choice.block_n, target);
  if (choice.parallel && blocks.tiles < 2) return "there is one tile, which threads cannot share";
  Set(chosen, problem, tile, blocks, choice.parallel);
  kernel = std::move(chosen);
  return "";
}

}  // namespace descent
