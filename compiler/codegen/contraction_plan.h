// ContractionPlan: how a sum of products is computed on a target. No LLVM.
//
// The axes of the stage fall into four groups, each flattened to one: batch, m, n (on the vector
// lanes) and k. The work is cut into tiles of block_m x block_n; within a tile K runs in blocks of
// block_k. Each block has a sum of its own, a chain of fused multiply-adds in ascending k, and the
// sums of blocks are added in order: rounding errors grow with the length of a chain, not with that
// of K. The bits depend on block_k, which follows from shapes and target, and on no other size.
//
// Factors that are rounded to bf16 are multiplied in pairs where the target can: a step of the
// micro-kernel adds the products of two steps of k, which lie side by side in memory.
//
// An operand is read where it lies if its address is affine in the flattened axes, contiguous
// along one of them (on the lanes' side along n), and dense enough for the caches. Otherwise it is
// packed first: see Packing.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "compiler/kernel/program.h"
#include "compiler/kernel/target_facts.h"
#include "compiler/kernel/window.h"

namespace descent {

constexpr int64_t kCacheLine = 64;  ///< bytes

/// Positions in the flattened axis space, in which all accesses of the kernel are rewritten.
enum FlatAxis : int { kBatchAxis, kMAxis, kNAxis, kKAxis, kFlatAxes };

/// Axes of the stage that form one flattened axis, outermost first.
struct AxisGroup {
  std::vector<int> axes;
  std::vector<int64_t> extents;
  int64_t extent = 1;
  /// Extent of the innermost axis that is longer than 1, when there are several such axes; else
  /// `extent`. Blocks of groups are whole multiples of it, so that rows stay contiguous.
  int64_t row = 1;
};

/// Affine address in elements: constant + sum of coefficients[flat axis] * axis. Along K that holds
/// within runs of `k_run` (the pixels of one image); from run to run it advances by `k_run_stride`.
/// No block of K crosses the end of a run.
struct FlatAddress {
  std::array<int64_t, kFlatAxes> coefficients{};
  int64_t constant = 0;
  int64_t k_run = 0, k_run_stride = 0;  ///< k_run 0: all of K is one run
};

/// How the micro-kernel finds an operand. Rows of packed blocks are padded where their length would
/// map all of them to few cache sets.
enum class Packing : uint8_t {
  kNone,   ///< where it lies
  kBlock,  ///< a block of block_m or block_n times block_k, evaluated through its index maps
  kPanel,  ///< rhs only: [block_k][register tile's columns], copied just before it is used
  kTransposedPanel,  ///< the same from a source that is contiguous along k
  kWindow,           ///< lhs only: rows in a box that holds each element once
  kPairs,  ///< lhs only: [block_k / 2][block_m][2], of a source that is contiguous along m
};

struct OperandPlan {
  int read = 0;  ///< of the stage
  Scalar value;  ///< the factor as a tree over reads
  Packing packing = Packing::kNone;
  std::optional<FlatAddress> address;  ///< set when affine without guards
  // As the micro-kernel sees it, in elements.
  int64_t k_stride = 1;    ///< from one of its steps to the next
  int64_t row_stride = 1;  ///< lhs: from m to m + 1. rhs: 1.
  int64_t scratch_offset = 0;
  /// rhs: all panels of a block lie packed, one behind the other, as long as tiles share the block.
  bool keeps_panels = false;

  bool packed() const { return packing != Packing::kNone; }
  bool panels() const { return packing == Packing::kPanel || packing == Packing::kTransposedPanel; }
};

struct ContractionPlan {
  DType dtype = DType::kF32;  ///< of the sums
  bool pairs = false;         ///< the micro-kernel takes two steps of k at once, in bf16
  int64_t lanes = 8;
  std::array<AxisGroup, kFlatAxes> groups;
  int64_t register_m = 6, vectors = 2;  ///< register tile: rows, vectors of columns
  int64_t block_m = 0, block_n = 0, block_k = 0;
  int64_t tiles_m = 0, tiles_n = 0, tiles = 0;
  OperandPlan lhs, rhs;
  std::optional<WindowedFactor> window;  ///< with lhs.packing kWindow
  /// Each place of the box holds a pair: its element, and the one that is next along K. So pairs
  /// may begin anywhere, as where the pixels of a row are added up and channels lie side by side.
  bool box_of_pairs = false;
  int64_t box_offset = 0;      ///< in scratch, of the elements that a box of pairs is made of
  int64_t partial_offset = 0;  ///< partial sums in scratch
  int64_t partial_stride = 0;  ///< elements from row to row of them
  int64_t scratch_bytes = 0;

  int64_t extent(FlatAxis axis) const { return groups[axis].extent; }
  int64_t register_n() const { return vectors * lanes; }
  bool one_k_block() const { return block_k >= extent(kKAxis); }
  int64_t steps_at_once() const { return pairs ? 2 : 1; }
  /// Of the place of a packed panel of rhs (of the whole block, where that is no panels).
  int64_t panel_elements() const;
  /// The type of what the micro-kernel reads.
  DType factors() const { return pairs ? DType::kBF16 : dtype; }
  /// Factors in one place of the box.
  int64_t box_scale() const { return box_of_pairs ? 2 : 1; }
};

/// Panels that cover `count` rows or columns: size -> number, to be laid out from the largest on.
/// Sizes are at most `size`, differ by at most one `unit`, and are multiples of it but for the
/// last.
using Panels = std::map<int64_t, int64_t, std::greater<>>;
Panels PanelsOf(int64_t count, int64_t size, int64_t unit);

ContractionPlan PlanContraction(const Kernel& kernel, const TargetFacts& facts);

/// The coefficient of the group's flattened axis in an affine index over the original axes, if
/// there is one.
std::optional<int64_t> GroupCoefficient(const AxisGroup& group, const AffineIndex& affine);

/// Axis `position` of the group as an expression of `flat`, the flattened axis.
Index Unflatten(const AxisGroup& group, size_t position, const Index& flat);

}  // namespace descent
