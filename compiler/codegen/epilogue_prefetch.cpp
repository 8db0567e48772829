#include "compiler/codegen/epilogue_prefetch.h"

#include <array>
#include <set>

#include "ir/index_map.h"

namespace descent {
namespace {

void PrefetchRow(KernelFrame& frame, const ContractionPlan& plan, int parameter,
                 const std::vector<Index>& coordinates, bool written, const ResultRow& row) {
  FunctionEmitter& f = frame.f;
  const Memory memory = frame.Parameter(parameter);
  const size_t axes = frame.kernel.outer.size() + frame.kernel.stages[0].axes.size();
  const auto affine = AsAffine(Flatten(coordinates, memory.strides), static_cast<int>(axes));
  if (!affine) return;
  std::array<std::optional<int64_t>, kFlatAxes> strides;
  for (int axis = 0; axis < kFlatAxes; ++axis)
    strides[axis] = GroupCoefficient(plan.groups[axis], *affine);
  if (!strides[kBatchAxis] || strides[kNAxis] != 1 || strides[kMAxis].value_or(0) == 0) return;
  llvm::Type* element = f.MemoryType(memory.dtype);
  llvm::Value* start = f.Element(element, memory.base, f.Mul(row.batch, *strides[kBatchAxis]));
  start = f.Element(element, start, f.Mul(row.row, *strides[kMAxis]));
  start = f.Element(element, start, f.Add(row.column, f.I64(affine->constant)));
  const int64_t line = kCacheLine / Info(memory.dtype).bytes;
  for (int64_t column = 0; column < row.columns; column += line)
    f.Prefetch(f.Element(element, start, f.I64(column)), 3, written);
}

}  // namespace

void EmitPrefetchEpilogue(KernelFrame& frame, const ContractionPlan& plan, const ResultRow& row) {
  const Stage& stage = frame.kernel.stages[0];
  std::set<int> overwritten;
  for (const auto& [read, written] : frame.kernel.may_alias) overwritten.insert(read);
  for (size_t i = 0; i < stage.reads.size(); ++i) {
    const StageRead& read = stage.reads[i];
    const int number = static_cast<int>(i);
    const bool factor = number == plan.lhs.read || number == plan.rhs.read;
    if (!factor && !overwritten.contains(read.index))
      PrefetchRow(frame, plan, read.index, read.coordinates, false, row);
  }
  for (const StageStore& store : stage.stores)
    PrefetchRow(frame, plan, store.parameter, store.coordinates, true, row);
}

}  // namespace descent
