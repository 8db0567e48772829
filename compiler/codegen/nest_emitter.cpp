#include "compiler/codegen/nest_emitter.h"

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>

#include "compiler/codegen/lane_plan.h"
#include "compiler/codegen/point_emitter.h"

namespace descent {
namespace {

class NestEmitter {
 public:
  NestEmitter(FunctionEmitter& f, const Nest& nest)
      : f_(f), nest_(nest), plan_(PlanLanes(nest, f.target().facts)), eval_(f, nest, plan_) {}

  void Emit() {
    for (int axis = nest_.first_own(); axis < nest_.first_own() + nest_.parallel; ++axis)
      if (nest_.extents[axis] == 0) return;
    Point root{.axes = nest_.outer};
    root.axes.resize(nest_.extents.size(), nullptr);
    eval_.Hoist(root, -1);
    Parallel(0, Points{&root});
  }

 private:
  using Points = std::vector<Point*>;
  using Values = std::vector<llvm::Value*>;

  llvm::Value* Low(int axis) {
    llvm::Value* low = nest_.ranges[axis - nest_.first_own()].low;
    return low ? low : f_.I64(0);
  }
  llvm::Value* High(int axis) {
    llvm::Value* high = nest_.ranges[axis - nest_.first_own()].high;
    return high ? high : f_.I64(nest_.extents[axis]);
  }

  /// Runs `body` for the loop at `depth` of the order with the points one level further in.
  void Loop(size_t depth, const Points& outer, const std::function<void(const Points&)>& body) {
    const int axis = plan_.order[depth];
    const int level = static_cast<int>(depth);
    const auto descend = [&](const Values& coordinates, llvm::Value* mask) {
      // Several coordinates: neighbouring vectors of one outer point. One: it holds for all points.
      std::vector<Point> inner;
      const size_t count = std::max(outer.size(), coordinates.size());
      for (size_t i = 0; i < count; ++i) {
        Point point = outer[std::min(i, outer.size() - 1)]->Inner();
        point.axes[axis] = coordinates[std::min(i, coordinates.size() - 1)];
        if (mask) point.mask = mask;
        inner.push_back(std::move(point));
      }
      Points pointers;
      for (Point& point : inner) {
        eval_.Hoist(point, level);
        pointers.push_back(&point);
      }
      body(pointers);
    };
    if (axis == plan_.axis) {
      VectorLoop(axis, descend);
    } else {
      f_.For(Low(axis), High(axis), 1, [&](llvm::Value* i) { descend({i}, nullptr); });
    }
  }

  /// Whole bundles of `unroll` vectors, then single vectors, then a masked edge.
  void VectorLoop(int axis, const std::function<void(const Values&, llvm::Value*)>& body) {
    auto& b = f_.b;
    const int64_t lanes = plan_.lanes, bundle = lanes * plan_.unroll;
    llvm::Value* low = Low(axis);
    llvm::Value* high = High(axis);
    llvm::Value* count = b.CreateSub(high, low);
    const auto whole = [&](int64_t size) {
      if (auto known = ConstantValue(count); known && ConstantValue(low))
        return static_cast<llvm::Value*>(f_.I64(*ConstantValue(low) + *known / size * size));
      return f_.Add(low, f_.Mul(b.CreateSDiv(count, f_.I64(size)), size));
    };
    llvm::Value* done = low;
    if (plan_.unroll > 1) {
      llvm::Value* end = whole(bundle);
      f_.For(done, end, bundle, [&](llvm::Value* i) {
        Values coordinates;
        for (int u = 0; u < plan_.unroll; ++u) coordinates.push_back(f_.Add(i, f_.I64(u * lanes)));
        body(coordinates, nullptr);
      });
      done = end;
    }
    llvm::Value* end = whole(lanes);
    f_.For(done, end, lanes, [&](llvm::Value* i) { body({i}, nullptr); });
    if (lanes == 1) return;
    f_.If(b.CreateICmpSLT(end, high), [&] {
      llvm::Value* rest = b.CreateTrunc(b.CreateSub(high, end), b.getInt32Ty());
      llvm::Value* mask = b.CreateICmpULT(f_.Iota(static_cast<int>(lanes), 32),
                                          f_.Splat(rest, static_cast<int>(lanes)));
      body({end}, mask);
    });
  }

  void Parallel(size_t depth, const Points& points) {
    if (depth < static_cast<size_t>(plan_.parallel_loops))
      return Loop(depth, points, [&](const Points& inner) { Parallel(depth + 1, inner); });
    if (nest_.reducer) Reduce(points);
    for (Point* point : points) Finish(*point);
  }

  void Finish(Point& point) {
    Values results;
    for (const Scalar& result : nest_.results) results.push_back(eval_.Evaluate(*result, point));
    for (const NestStore& store : nest_.stores) eval_.Store(store, results[store.result], point);
  }

  // ---- reductions ----

  /// accumulators[i][s]: state s of point i (parallel vector axis) or of unrolled vector i (reduced
  /// one).
  using Accumulators = std::vector<std::vector<llvm::AllocaInst*>>;

  void Reduce(const Points& points) {
    const Reducer& reducer = *nest_.reducer;
    const int lanes = plan_.axis < 0 ? 1 : plan_.lanes;
    const size_t groups = plan_.reduced ? plan_.unroll : points.size();
    Accumulators accumulators(groups);
    for (auto& group : accumulators)
      for (const Scalar& init : reducer.init) {
        llvm::Value* value = f_.Splat(eval_.Evaluate(*init, *points[0]), lanes);
        group.push_back(f_.Variable(value->getType(), "accumulator"));
        f_.b.CreateStore(value, group.back());
      }
    const bool empty =
        std::ranges::any_of(plan_.order.begin() + plan_.parallel_loops, plan_.order.end(),
                            [&](int axis) { return nest_.extents[axis] == 0; });
    if (!empty) ReduceLoops(plan_.parallel_loops, points, accumulators);

    if (plan_.reduced) {
      points[0]->accumulators = CombineGroups(accumulators);
    } else {
      for (size_t i = 0; i < points.size(); ++i) points[i]->accumulators = Load(accumulators[i]);
    }
  }

  void ReduceLoops(size_t depth, const Points& points, const Accumulators& accumulators) {
    if (depth < plan_.order.size())
      return Loop(depth, points,
                  [&](const Points& inner) { ReduceLoops(depth + 1, inner, accumulators); });
    for (size_t i = 0; i < points.size(); ++i) Step(*points[i], accumulators[i]);
  }

  /// `point` is a copy: what it remembers of the accumulators ends with the step, also where no
  /// reduced loop surrounds it and the same point is finished next.
  void Step(Point point, const std::vector<llvm::AllocaInst*>& accumulators) {
    point.accumulators = Load(accumulators);
    Values next;
    for (const Scalar& step : nest_.reducer->step) next.push_back(eval_.Evaluate(*step, point));
    for (size_t s = 0; s < next.size(); ++s) {
      llvm::Value* old = point.accumulators[s];
      llvm::Value* value = f_.Splat(next[s], LaneCount(old));
      if (plan_.reduced && point.mask) value = f_.b.CreateSelect(point.mask, value, old);
      f_.b.CreateStore(value, accumulators[s]);
    }
  }

  Values Load(const std::vector<llvm::AllocaInst*>& variables) {
    Values values;
    for (llvm::AllocaInst* variable : variables)
      values.push_back(f_.b.CreateLoad(variable->getAllocatedType(), variable));
    return values;
  }

  Values Combine(const Values& earlier, const Values& later) {
    Point point;
    point.accumulators = earlier;
    point.others = later;
    Values values;
    for (const Scalar& combine : nest_.reducer->combine)
      values.push_back(eval_.Evaluate(*combine, point));
    return values;
  }

  /// One order for all: pairs of groups, then halves of the lanes.
  Values CombineGroups(const Accumulators& accumulators) {
    std::vector<Values> groups;
    for (const auto& group : accumulators) groups.push_back(Load(group));
    while (groups.size() > 1) {
      const size_t half = (groups.size() + 1) / 2;
      for (size_t i = 0; i + half < groups.size(); ++i)
        groups[i] = Combine(groups[i], groups[i + half]);
      groups.resize(half);
    }
    Values values = groups[0];
    for (int lanes = LaneCount(values[0]) / 2; lanes >= 1; lanes /= 2) {
      Values low, high;
      for (llvm::Value* value : values) {
        low.push_back(Slice(value, 0, lanes));
        high.push_back(Slice(value, lanes, lanes));
      }
      values = Combine(low, high);
    }
    return values;
  }

  llvm::Value* Slice(llvm::Value* vector, int first, int count) {
    if (count == 1) return f_.b.CreateExtractElement(vector, first);
    std::vector<int> lanes(count);
    for (int i = 0; i < count; ++i) lanes[i] = first + i;
    return f_.b.CreateShuffleVector(vector, lanes);
  }

  FunctionEmitter& f_;
  const Nest& nest_;
  LanePlan plan_;
  PointEmitter eval_;
};

}  // namespace

Memory RowMajor(llvm::Value* base, const TensorType& type) {
  return {base, type.dtype, type.shape, RowMajorStrides(type.shape)};
}

void EmitNest(FunctionEmitter& f, const Nest& nest) { NestEmitter(f, nest).Emit(); }

}  // namespace descent
