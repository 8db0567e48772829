// Costs of compiler/kernel/computation.h.
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

int64_t PointCost(const Computation& computation) {
  std::vector<Scalar> roots = computation.results;
  if (computation.reducer)
    roots.insert(roots.end(), computation.reducer->step.begin(), computation.reducer->step.end());
  return ScalarCost(roots);
}

}  // namespace descent
