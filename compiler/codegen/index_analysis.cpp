#include "compiler/codegen/index_analysis.h"

#include <algorithm>
#include <numeric>

#include "ir/diagnostic.h"

namespace descent {
namespace {

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - ((a % b != 0) && ((a < 0) != (b < 0))); }

/// A divisor of every value that the index takes at lane 0 of a chunk (0: the value is always 0).
int64_t KnownDivisor(const Index& index, const LaneChunk& chunk) {
  switch (index->kind) {
    case IndexKind::kConstant:
      return std::abs(index->value);
    case IndexKind::kAxis:
      return index->value == chunk.axis ? chunk.alignment : 1;
    case IndexKind::kAdd:
      return std::gcd(KnownDivisor(index->a, chunk), KnownDivisor(index->b, chunk));
    case IndexKind::kMul:
      return KnownDivisor(index->a, chunk) * std::abs(index->value);
    case IndexKind::kMod:
      return std::gcd(KnownDivisor(index->a, chunk), index->value);
    case IndexKind::kFloorDiv: {
      const int64_t inner = KnownDivisor(index->a, chunk);
      return inner % index->value == 0 ? inner / index->value : 1;
    }
    case IndexKind::kRead:
      return 1;
  }
  InternalError(__FILE__, __LINE__, "unknown index kind");
}

/// Lanes 0 .. lanes-1 of `index` (which advances by `step`) lie between two multiples of `divisor`.
bool StaysInBlock(const Index& index, int64_t step, const LaneChunk& chunk, int64_t divisor) {
  if (step < 0) return false;
  const int64_t span = step * (chunk.lanes - 1);
  const int64_t aligned = std::gcd(KnownDivisor(index, chunk), divisor);
  return span < aligned || aligned == 0;
}

}  // namespace

std::optional<IndexBounds> IndexRange(const Index& index, std::span<const int64_t> extents) {
  switch (index->kind) {
    case IndexKind::kConstant:
      return IndexBounds{index->value, index->value};
    case IndexKind::kAxis:
      return IndexBounds{0, extents[index->value] - 1};
    case IndexKind::kRead:
      return std::nullopt;
    default:
      break;
  }
  const auto a = IndexRange(index->a, extents);
  if (!a) return std::nullopt;
  switch (index->kind) {
    case IndexKind::kAdd: {
      const auto b = IndexRange(index->b, extents);
      if (!b) return std::nullopt;
      return IndexBounds{a->low + b->low, a->high + b->high};
    }
    case IndexKind::kMul: {
      const int64_t x = a->low * index->value, y = a->high * index->value;
      return IndexBounds{std::min(x, y), std::max(x, y)};
    }
    case IndexKind::kFloorDiv:
      return IndexBounds{FloorDivide(a->low, index->value), FloorDivide(a->high, index->value)};
    case IndexKind::kMod: {
      const int64_t block = FloorDivide(a->low, index->value);
      if (block == FloorDivide(a->high, index->value))
        return IndexBounds{a->low - block * index->value, a->high - block * index->value};
      return IndexBounds{0, index->value - 1};
    }
    default:
      InternalError(__FILE__, __LINE__, "unknown index kind");
  }
}

void CollectUses(const Index& index, std::set<int>& axes, std::set<int>& reads) {
  if (index->kind == IndexKind::kAxis) axes.insert(static_cast<int>(index->value));
  if (index->kind == IndexKind::kRead) reads.insert(static_cast<int>(index->value));
  if (index->a) CollectUses(index->a, axes, reads);
  if (index->b) CollectUses(index->b, axes, reads);
}

std::optional<int64_t> LaneStep(const Index& index, const LaneChunk& chunk,
                                const std::set<int>& varying_reads) {
  switch (index->kind) {
    case IndexKind::kConstant:
      return 0;
    case IndexKind::kAxis:
      return index->value == chunk.axis ? 1 : 0;
    case IndexKind::kRead:
      if (varying_reads.contains(static_cast<int>(index->value))) return std::nullopt;
      return 0;
    default:
      break;
  }
  const auto a = LaneStep(index->a, chunk, varying_reads);
  if (!a) return std::nullopt;
  switch (index->kind) {
    case IndexKind::kAdd: {
      const auto b = LaneStep(index->b, chunk, varying_reads);
      if (!b) return std::nullopt;
      return *a + *b;
    }
    case IndexKind::kMul:
      return *a * index->value;
    case IndexKind::kFloorDiv:
      if (*a == 0) return 0;
      if (*a % index->value == 0) return *a / index->value;
      if (StaysInBlock(index->a, *a, chunk, index->value)) return 0;
      return std::nullopt;
    case IndexKind::kMod:
      if (*a == 0 || *a % index->value == 0) return 0;
      if (StaysInBlock(index->a, *a, chunk, index->value)) return *a;
      return std::nullopt;
    default:
      InternalError(__FILE__, __LINE__, "unknown index kind");
  }
}

Index Flatten(std::span<const Index> coordinates, std::span<const int64_t> strides) {
  Index sum = ConstantIndex(0);
  for (size_t d = 0; d < coordinates.size(); ++d) sum = sum + coordinates[d] * strides[d];
  return sum;
}

}  // namespace descent
