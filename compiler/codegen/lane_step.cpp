#include "compiler/codegen/lane_step.h"

#include <numeric>

#include "ir/diagnostic.h"

namespace descent {
namespace {

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

}  // namespace descent
