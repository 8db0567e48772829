// Index arithmetic that knows the extents of its axes.
//
// Composing operators yields chains such as ((i0 * 784 + i1) / 28) % 28. With 0 <= i1 < 784 known,
// Simplify brings an index into one canonical form: a sum of distinct terms (axes by number, then
// the rest) plus a constant, where quotients and remainders that cancel are gone. So equal maps
// compare equal by SameIndex, and reshapes vanish:
//
//   Simplify((i0 * 6 + i1) / 6, {4, 6}) == i0        Simplify((i0 / 6) * 6 + i0 % 6, {24}) == i0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "ir/tensor_expr.h"

namespace descent {

/// Rounds towards minus infinity; b > 0.
constexpr int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/// Inclusive bounds.
struct IndexInterval {
  int64_t low = 0, high = 0;
  bool operator==(const IndexInterval&) const = default;
};

/// Bounds for axes in [0, extent); nullopt when data makes it unbounded. Extents of 0 count as 1.
std::optional<IndexInterval> RangeOf(const Index& index, std::span<const int64_t> extents);

Index Simplify(const Index& index, std::span<const int64_t> extents);

/// Replaces axes and reads (an empty function keeps them).
Index MapIndex(const Index& index, const std::function<Index(int)>& axis,
               const std::function<Index(int)>& read = {});

bool UsesData(const Index& index);
/// Does axis `axis` occur?
bool UsesAxis(const Index& index, int axis);
/// Calls `visit` for each ReadIndex in it.
void VisitReads(const Index& index, const std::function<void(int)>& visit);
/// Adds the axes and reads that occur.
void CollectUses(const Index& index, std::set<int>& axes, std::set<int>& reads);

/// Element offset of coordinates: sum of coordinates[d] * strides[d].
Index Flatten(std::span<const Index> coordinates, std::span<const int64_t> strides);
/// Row-major position of `coordinates` in a tensor of `shape`.
Index LinearIndex(std::span<const Index> coordinates, const Shape& shape);
/// The inverse: coordinates in `shape` of row-major position `linear`.
std::vector<Index> Delinearize(const Index& linear, const Shape& shape);
/// Axis(first), ..., Axis(first + count - 1).
std::vector<Index> AxisRange(int first, int count);

}  // namespace descent
