#include "compiler/kernel/contraction.h"

#include <algorithm>

#include "compiler/kernel/simplify_index.h"

namespace descent {
namespace {

/// Numbers of the two reads that are multiplied.
std::optional<std::pair<int, int>> Product(const Reducer& reducer) {
  if (reducer.init.size() != 1) return std::nullopt;
  const ScalarNode& init = *reducer.init[0];
  const ScalarNode& step = *reducer.step[0];
  if (!Info(init.dtype).is_float || init.number != 0) return std::nullopt;
  if (step.kind != ScalarKind::kCall || step.op != ScalarOp::kAdd) return std::nullopt;
  const bool accumulator_first = step.arguments[0]->kind == ScalarKind::kAccumulator;
  const ScalarNode& accumulator = *step.arguments[accumulator_first ? 0 : 1];
  const ScalarNode& product = *step.arguments[accumulator_first ? 1 : 0];
  if (accumulator.kind != ScalarKind::kAccumulator || product.kind != ScalarKind::kCall ||
      product.op != ScalarOp::kMul)
    return std::nullopt;
  const ScalarNode& a = *product.arguments[0];
  const ScalarNode& b = *product.arguments[1];
  if (a.kind != ScalarKind::kRead || b.kind != ScalarKind::kRead || a.slot == b.slot)
    return std::nullopt;
  return std::pair{a.slot, b.slot};
}

bool HasAffineAddress(const TensorRead& read, int axes) {
  for (const Index& index : read.coordinates)
    if (!AsAffine(index, axes)) return false;
  for (const Guard& guard : read.guards)
    if (!AsAffine(guard.index, axes)) return false;
  // Products of what lies outside must add nothing.
  return read.guards.empty() || read.outside->number == 0;
}

bool Moves(const TensorRead& read, int axis) {
  return std::any_of(read.coordinates.begin(), read.coordinates.end(),
                     [&](const Index& index) { return UsesAxis(index, axis); }) ||
         std::any_of(read.guards.begin(), read.guards.end(),
                     [&](const Guard& guard) { return UsesAxis(guard.index, axis); });
}

}  // namespace

std::optional<ContractionAxes> FindContraction(const Computation& computation) {
  if (!computation.reducer) return std::nullopt;
  const auto product = Product(*computation.reducer);
  if (!product) return std::nullopt;
  const int axis_count = static_cast<int>(computation.axes.size());
  const TensorRead& a = computation.reads[product->first];
  const TensorRead& b = computation.reads[product->second];
  if (!HasAffineAddress(a, axis_count) || !HasAffineAddress(b, axis_count)) return std::nullopt;

  ContractionAxes roles{
      .batch = {}, .m = {}, .n = {}, .k = {}, .lhs = product->first, .rhs = product->second};
  for (int axis = 0; axis < axis_count; ++axis) {
    const bool in_a = Moves(a, axis), in_b = Moves(b, axis);
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
  if (!computation.reducer || !Product(*computation.reducer) || FindContraction(computation))
    return;
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
