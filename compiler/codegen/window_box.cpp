#include "compiler/codegen/window_box.h"

#include <algorithm>

#include "ir/counts.h"
#include "ir/diagnostic.h"
#include "ir/index_map.h"

namespace descent {
namespace {

/// Position along axis `position` of a group at its flattened index `flat`.
llvm::Value* Position(FunctionEmitter& f, const AxisGroup& group, size_t position,
                      llvm::Value* flat) {
  int64_t inner = 1;
  for (size_t i = position + 1; i < group.extents.size(); ++i) inner *= group.extents[i];
  llvm::Value* quotient = inner == 1 ? flat : f.b.CreateUDiv(flat, f.I64(inner));
  return position == 0 ? quotient : f.b.CreateURem(quotient, f.I64(group.extents[position]));
}

/// Offset, in factors, of the `number`-th combination of the piece's axes but the innermost.
llvm::Value* OffsetOf(FunctionEmitter& f, const ContractionPlan& plan, FlatAxis axis,
                      const GroupPiece& piece, llvm::Value* number) {
  const AxisGroup& group = plan.groups[axis];
  llvm::Value* offset = f.I64(0);
  llvm::Value* rest = number;
  for (int i = static_cast<int>(group.axes.size()) - 2; i >= piece.cut; --i) {
    llvm::Value* position = rest;
    if (i > piece.cut) {
      position = f.b.CreateURem(rest, f.I64(group.extents[i]));
      rest = f.b.CreateUDiv(rest, f.I64(group.extents[i]));
    }
    offset = f.Add(offset, f.Mul(position, plan.box_scale() * plan.window->strides[group.axes[i]]));
  }
  return offset;
}

/// First position of the box along each axis of the parameter.
std::vector<llvm::Value*> Corner(FunctionEmitter& f, const ContractionPlan& plan,
                                 llvm::Value* batch, llvm::Value* m_low, llvm::Value* k_low) {
  const WindowedFactor& window = *plan.window;
  std::vector<llvm::Value*> corner;
  for (const AffineIndex& coordinate : window.coordinates) {
    llvm::Value* at = f.I64(coordinate.constant);
    const auto add = [&](FlatAxis axis, int last, llvm::Value* flat) {
      const AxisGroup& group = plan.groups[axis];
      for (int i = 0; i <= last; ++i)
        if (const int64_t step = coordinate.coefficients[group.axes[i]]; step != 0)
          at = f.Add(at, f.Mul(Position(f, group, i, flat), step));
    };
    add(kBatchAxis, static_cast<int>(plan.groups[kBatchAxis].axes.size()) - 1, batch);
    add(kMAxis, window.m.cut, m_low);
    if (!window.whole_k(plan.extent(kKAxis))) add(kKAxis, window.k.cut, k_low);
    corner.push_back(at);
  }
  return corner;
}

/// Pairs of the elements of the dense box at `box_offset`.
void EmitPairs(KernelFrame& frame, const ContractionPlan& plan) {
  FunctionEmitter& f = frame.f;
  const int lanes = static_cast<int>(plan.lanes);
  const int64_t next = plan.window->strides[frame.kernel.as<ContractionForm>().k.back()];
  llvm::Type* element = f.b.getInt16Ty();
  llvm::Type* vector = f.Widen(element, lanes);
  llvm::Type* pairs = f.Widen(f.b.getInt32Ty(), lanes);
  llvm::Value* source = frame.ScratchAt(plan.box_offset);
  llvm::Value* target = frame.ScratchAt(plan.lhs.scratch_offset);
  f.For(
      f.I64(0), f.I64(RoundUp(Elements(plan.window->box), plan.lanes)), plan.lanes,
      [&](llvm::Value* place) {
        const auto load = [&](llvm::Value* at) {
          llvm::Value* address = f.Element(element, source, at);
          return f.b.CreateZExt(f.b.CreateAlignedLoad(vector, address, llvm::Align(2)), pairs);
        };
        llvm::Value* second = f.b.CreateShl(load(f.Add(place, f.I64(next))), 16);
        f.b.CreateAlignedStore(f.b.CreateOr(load(place), second),
                               f.Element(f.b.getInt32Ty(), target, place), llvm::Align(4));
      },
      "pair");
}

}  // namespace

void EmitPackBox(KernelFrame& frame, const ContractionPlan& plan, llvm::Value* batch,
                 llvm::Value* m_low, llvm::Value* k_low) {
  FunctionEmitter& f = frame.f;
  const WindowedFactor& window = *plan.window;
  const StageRead& read = frame.kernel.stages[0].reads[plan.lhs.read];
  const int rank = static_cast<int>(window.box.size());
  Nest nest{.outer = Corner(f, plan, batch, m_low, k_low), .parallel = rank};
  nest.ranges.resize(rank);
  nest.status = frame.status;
  NestRead from{{}, {}, read.outside, frame.Parameter(read.index), nullptr};
  std::vector<Index> own;
  Shape axes = frame.kernel.outer;
  const Shape& inner = frame.kernel.stages[0].axes;
  axes.insert(axes.end(), inner.begin(), inner.end());
  for (int d = 0; d < rank; ++d) {
    // Axes start at 0, corners before the parameter: a guard counts as needless by the range.
    const auto range = RangeOf(read.coordinates[d], axes);
    DESCENT_CHECK(range.has_value(), "coordinates of windows are affine");
    const int64_t before = std::max<int64_t>(-range->low, 0);
    nest.outer[d] = f.Add(nest.outer[d], f.I64(before));
    nest.extents.push_back(range->high + before + 1);
    own.push_back(Axis(rank + d));
    from.coordinates.push_back(Axis(d) + own.back() + ConstantIndex(-before));
    const bool guarded = std::ranges::any_of(read.guards, [&](const Guard& guard) {
      return SameIndex(guard.index, read.coordinates[d]);
    });
    if (guarded) from.guards.push_back({from.coordinates.back(), window.extents[d]});
  }
  nest.extents.insert(nest.extents.end(), window.box.begin(), window.box.end());
  nest.reads = {from};
  nest.results = {Rewrite(plan.lhs.value, [](const ScalarNode& node) {
    return node.kind == ScalarKind::kRead ? ReadScalar(0, node.dtype) : nullptr;
  })};
  const int64_t offset = plan.box_of_pairs ? plan.box_offset : plan.lhs.scratch_offset;
  const Memory box{frame.ScratchAt(offset), plan.factors(), window.box,
                   RowMajorStrides(window.box)};
  nest.stores = {{0, own, box, nullptr}};
  EmitNest(f, nest);
  if (plan.box_of_pairs) EmitPairs(frame, plan);
}

llvm::Value* BoxRow(FunctionEmitter& f, const ContractionPlan& plan, llvm::Value* number) {
  return OffsetOf(f, plan, kMAxis, plan.window->m, number);
}

llvm::Value* BoxRun(FunctionEmitter& f, const ContractionPlan& plan, llvm::Value* number) {
  return OffsetOf(f, plan, kKAxis, plan.window->k, number);
}

}  // namespace descent
