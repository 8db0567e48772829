#include "compiler/kernel/lane_choice.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace descent {
namespace {

/// Fewer multiply-adds are not worth a thought.
constexpr double kSmall = 1 << 16;
/// A swap must save this share, as the costs are estimates.
constexpr double kClearly = 0.7;

// Costs in cycles.
constexpr double kVectorFma = 0.5;
constexpr double kVectorCopy = 3;  ///< of one vector of elements, into a packed block
constexpr double kTransposed = 2;  ///< elements wanted across the direction they lie in, in copies
constexpr double kScattered = 10;  ///< elements loaded one by one
constexpr double kGuarded = 40;    ///< with a check each
constexpr double kScatteredStore = 4;

struct Axes {
  Shape extents;  ///< [outer..., own...]
  int count() const { return static_cast<int>(extents.size()); }
  double Product(const std::vector<int>& axes) const {
    double product = 1;
    for (int axis : axes) product *= static_cast<double>(extents[axis]);
    return product;
  }
};

/// How many neighbours along the group lie side by side in memory.
int64_t Run(const Kernel& kernel, const Axes& axes, const std::vector<Index>& coordinates,
            int parameter, const std::vector<int>& group) {
  const auto innermost = std::ranges::find_if(group.rbegin(), group.rend(),
                                              [&](int a) { return axes.extents[a] > 1; });
  if (innermost == group.rend()) return 1;
  const auto strides = RowMajorStrides(kernel.parameters[parameter].type.shape);
  Index flat = ConstantIndex(0);
  for (size_t d = 0; d < coordinates.size(); ++d) flat = flat + coordinates[d] * strides[d];
  const auto affine = AsAffine(flat, axes.count());
  return affine && affine->coefficients[*innermost] == 1 ? axes.extents[*innermost] : 1;
}

/// Cost of the kernel with these roles, for each step of K.
double Cost(const Kernel& kernel, const Axes& axes, const ContractionForm& roles, int64_t lanes) {
  const Stage& stage = kernel.stages[0];
  const auto run = [&](int read, const std::vector<int>& group) {
    const StageRead& r = stage.reads[read];
    return Run(kernel, axes, r.coordinates, r.index, group);
  };
  // Per element, in copies. lhs is read element by element, whichever way it lies; rhs must lie
  // along n.
  const auto scattered = [&](int read) {
    return stage.reads[read].guards.empty() ? kScattered : kGuarded;
  };
  const bool lhs_runs = run(roles.lhs, roles.k) >= lanes || run(roles.lhs, roles.m) >= lanes;
  const double lhs = lhs_runs ? 1 : scattered(roles.lhs);
  const bool rhs_transposes =
      stage.reads[roles.rhs].guards.empty() && run(roles.rhs, roles.k) >= lanes;
  const double rhs = run(roles.rhs, roles.n) >= lanes ? 1
                     : rhs_transposes                 ? kTransposed
                                                      : scattered(roles.rhs);
  double stores = 0;  // per vector of results
  for (const StageStore& store : stage.stores) {
    const int64_t side_by_side = Run(kernel, axes, store.coordinates, store.parameter, roles.n);
    stores += side_by_side >= lanes ? 1 : kScatteredStore;
  }
  const double m = axes.Product(roles.m), n = axes.Product(roles.n);
  const double vectors = m * std::ceil(n / static_cast<double>(lanes));
  const double packing = kVectorCopy / static_cast<double>(lanes) * (lhs * m + rhs * n);
  return kVectorFma * vectors + packing + stores * vectors / axes.Product(roles.k);
}

}  // namespace

void ChooseLanes(Kernel& kernel, int64_t lanes) {
  Axes axes{kernel.outer};
  axes.extents.insert(axes.extents.end(), kernel.stages[0].axes.begin(),
                      kernel.stages[0].axes.end());
  const ContractionForm& kept = kernel.as<ContractionForm>();
  if (axes.Product(kept.m) * axes.Product(kept.n) * axes.Product(kept.k) < kSmall) return;
  ContractionForm swapped = kept;
  std::swap(swapped.m, swapped.n);
  std::swap(swapped.lhs, swapped.rhs);
  if (Cost(kernel, axes, swapped, lanes) < kClearly * Cost(kernel, axes, kept, lanes))
    kernel.as<ContractionForm>() = swapped;
}

}  // namespace descent
