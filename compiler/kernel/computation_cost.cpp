// Costs of compiler/kernel/computation.h.
#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "compiler/kernel/remap.h"

namespace descent {
namespace {

struct OpCost {
  ScalarOp op;
  int64_t cost;
};
/// In units of an addition; what is absent costs 1.
constexpr OpCost kCosts[] = {
    {ScalarOp::kDiv, 4},   {ScalarOp::kFmod, 30},    {ScalarOp::kPow, 40},    {ScalarOp::kSqrt, 4},
    {ScalarOp::kExp, 12},  {ScalarOp::kExp2, 12},    {ScalarOp::kExpm1, 14},  {ScalarOp::kLog, 16},
    {ScalarOp::kLog2, 16}, {ScalarOp::kLog1p, 24},   {ScalarOp::kSin, 20},    {ScalarOp::kCos, 20},
    {ScalarOp::kTan, 28},  {ScalarOp::kAtan2, 28},   {ScalarOp::kTanh, 18},   {ScalarOp::kErf, 28},
    {ScalarOp::kErfc, 40}, {ScalarOp::kSigmoid, 16}, {ScalarOp::kPhilox, 60},
};

std::vector<Scalar> BodyOf(const Computation& computation) {
  std::vector<Scalar> roots = computation.results;
  if (computation.reducer)
    roots.insert(roots.end(), computation.reducer->step.begin(), computation.reducer->step.end());
  return roots;
}

int64_t CountNodes(const Index& index) {
  return index ? 1 + CountNodes(index->a) + CountNodes(index->b) : 0;
}

/// What the coordinates and guards of one read are made of.
class ReadIndices {
 public:
  explicit ReadIndices(const TensorRead& read) {
    for (const Index& index : read.coordinates) Visit(index);
    for (const Guard& guard : read.guards) Visit(guard.index);
  }

  /// `in_all_loops`: the read is made inside the loops over all `axes`.
  int64_t Divisions(const Shape& axes, bool in_all_loops) const {
    int64_t count = 0;
    for (const auto& [text, innermost] : divisions_) {
      int64_t points = 1;
      for (int axis = 0; axis <= innermost; ++axis)
        if (in_all_loops || axes_.contains(axis)) points *= axes[axis];
      count += points;
    }
    return count;
  }

 private:
  /// Innermost axis that `index` depends on, -1 if none.
  int Visit(const Index& index) {
    if (!index) return -1;
    int innermost = std::max(Visit(index->a), Visit(index->b));
    if (index->kind == IndexKind::kAxis) {
      innermost = static_cast<int>(index->value);
      axes_.insert(innermost);
    }
    const bool divides = index->kind == IndexKind::kFloorDiv || index->kind == IndexKind::kMod;
    if (divides && !std::has_single_bit(static_cast<uint64_t>(index->value)))
      divisions_.emplace(ToString(index), innermost);
    return innermost;
  }

  std::set<int> axes_;
  std::map<std::string, int> divisions_;  ///< distinct ones, with the innermost axis of each
};

}  // namespace

int64_t ScalarOpCost(ScalarOp op) {
  for (const OpCost& row : kCosts)
    if (row.op == op) return row.cost;
  return 1;
}

int64_t ScalarCost(const std::vector<Scalar>& roots) {
  int64_t cost = 0;
  std::unordered_set<const ScalarNode*> seen;
  for (const Scalar& root : roots)
    VisitScalars(root, seen, [&](const ScalarNode& node) {
      if (node.kind == ScalarKind::kCall) cost += ScalarOpCost(node.op);
    });
  return cost;
}

int64_t PointCost(const Computation& computation) { return ScalarCost(BodyOf(computation)); }

int64_t LargestIndex(const Computation& computation) {
  int64_t largest = 0;
  for (const TensorRead& read : computation.reads) {
    int64_t nodes = 0;
    for (const Index& index : read.coordinates) nodes += CountNodes(index);
    for (const Guard& guard : read.guards) nodes += CountNodes(guard.index);
    largest = std::max(largest, nodes);
  }
  std::unordered_set<const ScalarNode*> seen;
  for (const Scalar& root : BodyOf(computation))
    VisitScalars(root, seen, [&](const ScalarNode& node) {
      largest = std::max(largest, CountNodes(node.index));
    });
  return largest;
}

int64_t IndexDivisions(const Computation& computation, bool is_contraction) {
  int64_t count = 0;
  for (const TensorRead& read : computation.reads)
    count += ReadIndices(read).Divisions(computation.axes, !is_contraction);
  return count;
}

}  // namespace descent
