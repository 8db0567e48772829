#include "compiler/codegen/lane_plan.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <unordered_set>

#include "compiler/kernel/computation.h"

namespace descent {
namespace {

// Costs in instructions per vector of lanes.
constexpr double kGatherLane = 2.0;   ///< load or store of one lane with its insertion
constexpr double kCheckedLane = 4.0;  ///< the same with an index that is checked

constexpr int kAccumulators = 4;  ///< hide the latency of an addition
constexpr int kColumns = 4;       ///< vectors of neighbouring columns per pass over the rows

void Collect(const Scalar& root, std::unordered_set<const ScalarNode*>& seen,
             std::vector<const ScalarNode*>& nodes) {
  if (!seen.insert(root.get()).second) return;
  for (const Scalar& argument : root->arguments) Collect(argument, seen, nodes);
  nodes.push_back(root.get());
}

/// a op b in any order is the same real number, so lanes may hold interleaved parts.
bool CombinesInAnyOrder(const Reducer& reducer) {
  constexpr ScalarOp kOps[] = {ScalarOp::kAdd, ScalarOp::kMul, ScalarOp::kMin,
                               ScalarOp::kMax, ScalarOp::kAnd, ScalarOp::kOr};
  for (size_t i = 0; i < reducer.combine.size(); ++i) {
    const ScalarNode& node = *reducer.combine[i];
    if (node.kind != ScalarKind::kCall || std::ranges::find(kOps, node.op) == std::end(kOps))
      return false;
    const ScalarNode& a = *node.arguments[0];
    const ScalarNode& b = *node.arguments[1];
    const auto is = [&](const ScalarNode& n, ScalarKind kind) {
      return n.kind == kind && n.slot == static_cast<int>(i);
    };
    if (!(is(a, ScalarKind::kAccumulator) && is(b, ScalarKind::kOther)) &&
        !(is(b, ScalarKind::kAccumulator) && is(a, ScalarKind::kOther)))
      return false;
  }
  return true;
}

/// Lanes of the widest type that most of the work is done in.
int FullLanes(const Nest& nest, const std::vector<const ScalarNode*>& nodes,
              const TargetFacts& facts) {
  bool narrow = false;
  for (const ScalarNode* node : nodes)
    narrow |= node->dtype != DType::kBool && Info(node->dtype).bytes < 8;
  for (const NestStore& store : nest.stores)
    narrow |= !store.variable && Info(store.memory.dtype).bytes < 8;
  return static_cast<int>(facts.vector_bytes / (narrow ? 4 : 8));
}

class Planner {
 public:
  Planner(const Nest& nest, const TargetFacts& facts) : nest_(nest), nodes_(NodesInOrder(nest)) {
    full_lanes_ = FullLanes(nest, nodes_, facts);
    for (const ScalarNode* node : nodes_) {
      if (node->kind == ScalarKind::kRead) used_reads_.insert(node->slot);
      if (node->kind == ScalarKind::kCall)
        operations_ += static_cast<double>(ScalarOpCost(node->op));
    }
  }

  LanePlan Run() {
    const int own = nest_.first_own(), axes = static_cast<int>(nest_.extents.size());
    LanePlan best;
    double best_cost = ScalarCost();
    const bool any_order = nest_.reducer && CombinesInAnyOrder(*nest_.reducer);
    for (int axis = axes - 1; axis >= own; --axis) {
      const bool reduced = axis >= own + nest_.parallel;
      if ((reduced && !any_order) || nest_.extents[axis] < 2) continue;
      LanePlan plan = Candidate(axis, reduced);
      const double cost = Cost(plan);
      if (cost < best_cost) best = plan, best_cost = cost;
    }
    Order(best);
    return best;
  }

 private:
  LanePlan Candidate(int axis, bool reduced) const {
    LanePlan plan{.axis = axis, .reduced = reduced};
    const int64_t extent = nest_.extents[axis];
    plan.lanes = static_cast<int>(std::min<uint64_t>(
        full_lanes_, std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(extent, 1)))));
    if (nest_.reducer)
      plan.unroll = static_cast<int>(
          std::clamp<int64_t>(extent / plan.lanes, 1, reduced ? kAccumulators : kColumns));
    const Nest::Range& range = nest_.ranges[axis - nest_.first_own()];
    plan.chunk = {axis, plan.lanes,
                  range.low ? std::gcd(range.low_multiple, int64_t{plan.lanes}) : plan.lanes};
    return plan;
  }

  double AccessCost(const std::vector<Index>& coordinates, const Memory& memory,
                    const LanePlan& plan, const std::set<int>& varying) const {
    const auto step = LaneStep(Flatten(coordinates, memory.strides), plan.chunk, varying);
    if (step && *step == 0) return 0.3;
    if (step && *step == 1) return 1;
    return plan.lanes * (step ? kGatherLane : kCheckedLane);
  }

  /// Per point of the nest.
  double Cost(const LanePlan& plan) const {
    const std::set<int> varying = VaryingReads(nest_, plan.axis);
    double cost = operations_;
    for (int number : used_reads_) {
      const NestRead& read = nest_.reads[number];
      if (!read.scalar) cost += AccessCost(read.coordinates, read.memory, plan, varying);
    }
    for (const NestStore& store : nest_.stores)
      if (!store.variable) cost += AccessCost(store.coordinates, store.memory, plan, varying);
    const int64_t extent = nest_.extents[plan.axis];
    const int64_t chunks = (extent + plan.lanes - 1) / plan.lanes;
    const double horizontal = plan.reduced ? std::bit_width(static_cast<unsigned>(plan.lanes)) : 0;
    return (cost * static_cast<double>(chunks) + horizontal) / static_cast<double>(extent);
  }

  double ScalarCost() const {
    return operations_ + static_cast<double>(used_reads_.size() + nest_.stores.size());
  }

  void Order(LanePlan& plan) const {
    const int own = nest_.first_own(), axes = static_cast<int>(nest_.extents.size());
    plan.parallel_loops = nest_.parallel;
    const std::pair<int, int> kinds[] = {{own, own + nest_.parallel}, {own + nest_.parallel, axes}};
    for (const auto& [begin, end] : kinds) {
      for (int axis = begin; axis < end; ++axis)
        if (axis != plan.axis) plan.order.push_back(axis);
      if (plan.axis >= begin && plan.axis < end) plan.order.push_back(plan.axis);
    }
  }

  const Nest& nest_;
  std::vector<const ScalarNode*> nodes_;
  int full_lanes_ = 1;
  double operations_ = 0;
  std::set<int>
      used_reads_;  ///< by scalars; those that only make indices count with what they index
};

}  // namespace

std::vector<const ScalarNode*> NodesInOrder(const Nest& nest) {
  std::unordered_set<const ScalarNode*> seen;
  std::vector<const ScalarNode*> nodes;
  if (nest.reducer)
    for (const Scalar& step : nest.reducer->step) Collect(step, seen, nodes);
  for (const Scalar& result : nest.results) Collect(result, seen, nodes);
  return nodes;
}

std::set<int> VaryingReads(const Nest& nest, int vector_axis) {
  std::set<int> varying;
  for (int i = 0; i < static_cast<int>(nest.reads.size()); ++i) {
    std::set<int> axes, reads;
    for (const Index& index : nest.reads[i].coordinates) CollectUses(index, axes, reads);
    for (const Guard& guard : nest.reads[i].guards) CollectUses(guard.index, axes, reads);
    bool varies = axes.contains(vector_axis);
    for (int read : reads) varies |= varying.contains(read);
    if (varies) varying.insert(i);
  }
  return varying;
}

LanePlan PlanLanes(const Nest& nest, const TargetFacts& facts) {
  return Planner(nest, facts).Run();
}

}  // namespace descent
