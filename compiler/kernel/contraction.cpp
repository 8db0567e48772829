#include "compiler/kernel/contraction.h"

#include <algorithm>
#include <set>

#include "compiler/graph/sum_of_products.h"
#include "ir/index_map.h"

namespace descent {

namespace {

/// What a factor is made of.
struct Factor {
  std::set<int> reads;
  std::set<int> axes;  ///< that move it
  bool plain = true;   ///< no accumulators, no indices from data

  void AddIndex(const Index& index) {
    plain &= !UsesData(index);
    for (int axis = 0; axis < kMaxAxes; ++axis)
      if (UsesAxis(index, axis)) axes.insert(axis);
  }
  static constexpr int kMaxAxes = 2 * kMaxRank;
};

Factor FactorOf(const Computation& computation, const Scalar& root) {
  Factor factor;
  Rewrite(root, [&](const ScalarNode& node) -> Scalar {
    factor.plain &= node.kind != ScalarKind::kAccumulator;
    if (node.kind == ScalarKind::kIndex) factor.AddIndex(node.index);
    if (node.kind == ScalarKind::kRead && factor.reads.insert(node.slot).second) {
      const TensorRead& read = computation.reads[node.slot];
      for (const Index& index : read.coordinates) factor.AddIndex(index);
      for (const Guard& guard : read.guards) factor.AddIndex(guard.index);
    }
    return nullptr;
  });
  return factor;
}

/// A read of one factor that the other has not; -1 if there is none.
int OwnRead(const Factor& factor, const Factor& other) {
  for (const int read : factor.reads)
    if (!other.reads.contains(read)) return read;
  return -1;
}

}  // namespace

std::optional<ContractionForm> FindContraction(const Computation& computation) {
  if (!computation.reducer) return std::nullopt;
  const auto product = FactorsOf(*computation.reducer);
  if (!product) return std::nullopt;
  const Factor a = FactorOf(computation, product->first);
  const Factor b = FactorOf(computation, product->second);
  const int axis_count = static_cast<int>(computation.axes.size());
  ContractionForm roles{
      .batch = {}, .m = {}, .n = {}, .k = {}, .lhs = OwnRead(a, b), .rhs = OwnRead(b, a)};
  if (roles.lhs < 0 || roles.rhs < 0 || !a.plain || !b.plain) return std::nullopt;
  for (int axis = 0; axis < axis_count; ++axis) {
    const bool in_a = a.axes.contains(axis), in_b = b.axes.contains(axis);
    if (axis >= computation.rank)
      roles.k.push_back(axis);
    else if (in_a && in_b)
      roles.batch.push_back(axis);
    else if (in_a)
      roles.m.push_back(axis);
    else if (in_b)
      roles.n.push_back(axis);
    else
      return std::nullopt;
  }
  if (roles.m.empty() || roles.n.empty() || roles.k.empty()) return std::nullopt;
  const int last = computation.rank - 1;
  if (std::find(roles.m.begin(), roles.m.end(), last) != roles.m.end()) {
    std::swap(roles.m, roles.n);
    std::swap(roles.lhs, roles.rhs);
  }
  return roles;
}

namespace {

struct AxisSplit {
  int axis = -1;
  int64_t inner = 0;
};

/// An axis of which `index` takes quotient or remainder by a divisor of its extent.
std::optional<AxisSplit> FindSplit(const Index& index, const Shape& axes) {
  if (index->kind == IndexKind::kFloorDiv || index->kind == IndexKind::kMod) {
    const Index& inner = index->a;
    if (inner->kind == IndexKind::kAxis && axes[inner->value] % index->value == 0)
      return AxisSplit{static_cast<int>(inner->value), index->value};
  }
  for (const Index& child : {index->a, index->b})
    if (child)
      if (auto split = FindSplit(child, axes)) return split;
  return std::nullopt;
}

void SplitAxis(Computation& computation, const AxisSplit& split) {
  const auto axis = [&](int old) {
    if (old == split.axis) return Axis(old) * split.inner + Axis(old + 1);
    return Axis(old < split.axis ? old : old + 1);
  };
  const auto map = [&](Scalar& scalar) {
    scalar = Rewrite(scalar, [&](const ScalarNode& node) -> Scalar {
      return node.kind == ScalarKind::kIndex ? IndexScalar(MapIndex(node.index, axis)) : nullptr;
    });
  };
  for (TensorRead& read : computation.reads) {
    for (Index& index : read.coordinates) index = MapIndex(index, axis);
    for (Guard& guard : read.guards) guard.index = MapIndex(guard.index, axis);
  }
  for (Scalar& result : computation.results) map(result);
  for (Scalar& step : computation.reducer->step) map(step);
  computation.axes[split.axis] /= split.inner;
  computation.axes.insert(computation.axes.begin() + split.axis + 1, split.inner);
  if (split.axis < computation.rank) ++computation.rank;
  Normalize(computation);
}

}  // namespace

void SplitAxesForContraction(Computation& computation) {
  if (!computation.reducer || !FactorsOf(*computation.reducer)) return;
  Computation split = computation;
  // Every split makes at least one divisor vanish.
  for (int round = 0; round < kMaxRank; ++round) {
    std::optional<AxisSplit> found;
    for (const TensorRead& read : split.reads)
      for (const Index& index : read.coordinates)
        if (!found) found = FindSplit(index, split.axes);
    if (!found) break;
    SplitAxis(split, *found);
  }
  if (FindContraction(split)) computation = std::move(split);
}

}  // namespace descent
