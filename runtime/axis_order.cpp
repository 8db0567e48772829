#include "runtime/axis_order.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

#include "runtime/dtype.h"

namespace descent::runtime {
namespace {

/// An axis of a copy, its strides in elements.
struct Axis {
  int64_t extent, from, to;
};

/// Row-major strides of the axes, extents by `order` (null: as they are), one for each axis of the
/// tensor.
std::vector<int64_t> Strides(const descent_tensor& tensor, const int32_t* order) {
  std::vector<int64_t> strides(static_cast<size_t>(tensor.rank));
  int64_t stride = 1;
  for (int32_t i = tensor.rank - 1; i >= 0; --i) {
    const int32_t axis = order ? order[i] : i;
    strides[axis] = stride;
    stride *= tensor.dims[axis];
  }
  return strides;
}

/// From the outermost to the innermost of the destination; axes that follow each other on both
/// sides are one, and those of a single index none.
std::vector<Axis> Merged(std::vector<Axis> axes) {
  std::ranges::sort(axes, std::greater(), &Axis::to);
  std::vector<Axis> merged;
  for (const Axis& axis : axes) {
    if (axis.extent == 1) continue;
    if (!merged.empty() && merged.back().from == axis.extent * axis.from &&
        merged.back().to == axis.extent * axis.to) {
      merged.back() = {merged.back().extent * axis.extent, axis.from, axis.to};
    } else {
      merged.push_back(axis);
    }
  }
  return merged;
}

/// Calls visit(from, to) with the offsets of every index of `axes`.
template <typename Visitor>
void ForEach(std::span<const Axis> axes, int64_t from, int64_t to, const Visitor& visit) {
  if (axes.empty()) return visit(from, to);
  const auto [extent, from_stride, to_stride] = axes[0];
  for (int64_t i = 0; i < extent; ++i)
    ForEach(axes.subspan(1), from + i * from_stride, to + i * to_stride, visit);
}

/// Both sides of the innermost axis are dense: runs of it.
template <size_t kBytes>
void CopyRuns(std::span<const Axis> axes, const std::byte* from, std::byte* to) {
  const Axis run = axes.empty() ? Axis{1, 1, 1} : axes.back();
  if (!axes.empty()) axes = axes.first(axes.size() - 1);
  ForEach(axes, 0, 0, [&](int64_t source, int64_t destination) {
    std::memcpy(to + destination * kBytes, from + source * kBytes, run.extent * kBytes);
  });
}

/// Side of a square tile: two cache lines.
template <size_t kBytes>
constexpr int64_t kSide = 128 / kBytes;

/// A tile of at most kSide by kSide elements that the source has column by column and the
/// destination row by row: through a buffer, so that each side is touched a cache line at a time
/// even where strides are powers of two, whose lines drive each other out of the cache.
template <size_t kBytes>
void CopyTile(const Axis& rows, const Axis& columns, const std::byte* from, std::byte* to) {
  std::byte tile[kSide<kBytes>][kSide<kBytes> * kBytes];
  for (int64_t column = 0; column < columns.extent; ++column) {
    const std::byte* in = from + column * columns.from * kBytes;
    for (int64_t row = 0; row < rows.extent; ++row)
      std::memcpy(&tile[row][column * kBytes], in + row * kBytes, kBytes);
  }
  for (int64_t row = 0; row < rows.extent; ++row)
    std::memcpy(to + row * rows.to * kBytes, tile[row], columns.extent * kBytes);
}

/// The source is dense along one axis, the destination along the last. All that shares cache lines
/// of the source's runs is copied before the next of them.
template <size_t kBytes>
void CopyTransposed(std::vector<Axis> axes, const std::byte* from, std::byte* to) {
  const Axis columns = axes.back();
  axes.pop_back();
  const auto dense = std::ranges::find(axes, 1, &Axis::from);
  const Axis rows = *dense;
  axes.erase(dense);
  for (int64_t row = 0; row < rows.extent; row += kSide<kBytes>) {
    const Axis tile_rows = {std::min(kSide<kBytes>, rows.extent - row), 1, rows.to};
    ForEach(axes, row, row * rows.to, [&](int64_t source, int64_t destination) {
      for (int64_t column = 0; column < columns.extent; column += kSide<kBytes>) {
        const int64_t count = std::min(kSide<kBytes>, columns.extent - column);
        CopyTile<kBytes>(tile_rows, {count, columns.from, 1},
                         from + (source + column * columns.from) * kBytes,
                         to + (destination + column) * kBytes);
      }
    });
  }
}

template <size_t kBytes>
void CopyAxes(const std::vector<Axis>& axes, const std::byte* from, std::byte* to) {
  if (axes.empty() || axes.back().from == 1) {
    CopyRuns<kBytes>(axes, from, to);
  } else {
    CopyTransposed<kBytes>(axes, from, to);
  }
}

/// Strides by the tensor's axes.
void Copy(const descent_tensor& tensor, const std::vector<int64_t>& from_strides,
          const std::vector<int64_t>& to_strides, const std::byte* from, std::byte* to) {
  if (ElementCount(tensor) == 0) return;
  std::vector<Axis> axes;
  for (int32_t i = 0; i < tensor.rank; ++i)
    axes.push_back({tensor.dims[i], from_strides[i], to_strides[i]});
  axes = Merged(std::move(axes));
  switch (SizeOf(tensor.dtype)) {
    case 1:
      return CopyAxes<1>(axes, from, to);
    case 2:
      return CopyAxes<2>(axes, from, to);
    case 4:
      return CopyAxes<4>(axes, from, to);
    default:
      return CopyAxes<8>(axes, from, to);
  }
}

}  // namespace

bool IsAxisOrder(const int32_t* order, int32_t rank) {
  if (!order) return true;
  std::vector<int32_t> axes(order, order + rank);
  std::ranges::sort(axes);
  for (int32_t i = 0; i < rank; ++i)
    if (axes[i] != i) return false;
  return true;
}

void ToRowMajor(const descent_slot& slot, const std::byte* stored, std::byte* row_major) {
  Copy(slot.tensor, Strides(slot.tensor, slot.order), Strides(slot.tensor, nullptr), stored,
       row_major);
}

void FromRowMajor(const descent_slot& slot, const std::byte* row_major, std::byte* stored) {
  Copy(slot.tensor, Strides(slot.tensor, nullptr), Strides(slot.tensor, slot.order), row_major,
       stored);
}

int64_t PlaceInMemory(const descent_slot& slot, int64_t element) {
  if (!slot.order) return element;
  const descent_tensor& tensor = slot.tensor;
  int64_t place = 0, stride = 1;
  for (int32_t i = tensor.rank - 1; i >= 0; --i) {
    const int32_t axis = slot.order[i];
    int64_t inner = 1;
    for (int32_t j = axis + 1; j < tensor.rank; ++j) inner *= tensor.dims[j];
    place += element / inner % tensor.dims[axis] * stride;
    stride *= tensor.dims[axis];
  }
  return place;
}

}  // namespace descent::runtime
