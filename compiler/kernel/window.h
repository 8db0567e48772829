// Windows: how a contraction reads a factor whose rows overlap, the image of a convolution.
//
// Pixels are rows of the factor and filter taps its columns: written out as a matrix, an image
// would be copied once for each tap. Instead each tile copies the part of the image that it needs
// once, with the zeros around it, into a dense box in scratch; there all its rows are runs whose
// addresses are affine in the axes of the contraction.
//
//   image[n, y + dy - 1, x + dx - 1, c]   m = (n, y, x), k = (dy, dx, c)
//   one tile: y in a piece, all x, dy, dx, c   ->   box [piece + 2, extent x + 2, extent c]
#pragma once

#include <optional>
#include <vector>

#include "compiler/kernel/program.h"
#include "compiler/kernel/target_facts.h"

namespace descent {

/// The part of a flattened group of axes that a box serves at once: axes before `cut` are fixed,
/// of axis `cut` a piece of `piece`, which divides its extent, all of the axes behind it.
struct GroupPiece {
  int cut = 0;
  int64_t piece = 0;
  int64_t length = 0;  ///< of the flattened group
  bool operator==(const GroupPiece&) const = default;
};

struct WindowedFactor {
  /// Coordinates of the read: affine in the axes [outer..., own...] of the kernel.
  std::vector<AffineIndex> coordinates;
  Shape extents;  ///< of the parameter; positions outside read as 0 along guarded axes
  GroupPiece m, k;
  Shape box;                     ///< extents of the box, row-major
  std::vector<int64_t> strides;  ///< in the box, by axis of the kernel
  int64_t row = 1;               ///< extent of the innermost axis of m: register tiles stay in it
  int64_t run = 1;               ///< extent of the innermost axis of k

  bool whole_k(int64_t extent) const { return k.length == extent; }
};

/// Nothing where the factor lhs is no such read, or where a box saves no copies.
std::optional<WindowedFactor> FindWindow(const Kernel& kernel, const TargetFacts& target);

}  // namespace descent
