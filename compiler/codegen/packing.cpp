#include "compiler/codegen/packing.h"

#include <algorithm>

namespace descent {
namespace {

/// Axes of a packing nest. A group of several axes runs as rows of its innermost axis, so that no
/// lane divides.
enum PackAxis : int { kPackBatch, kPackFirst };

/// Two own axes, outer and inner, that together run over one group.
struct GroupLoop {
  const AxisGroup* group;
  int rows_axis, row_axis;
  bool split() const { return group->row < group->extent; }
  int64_t rows() const { return split() ? group->extent / group->row : 1; }
  int64_t row() const { return group->row; }
  Index Flat() const {
    return split() ? Axis(rows_axis) * group->row + Axis(row_axis) : Axis(row_axis);
  }
};

void SubstituteGroup(const GroupLoop& loop, std::vector<Index>& axes) {
  const AxisGroup& group = *loop.group;
  size_t innermost = group.axes.size();
  for (size_t i = 0; i < group.axes.size(); ++i)
    if (group.extents[i] > 1) innermost = i;
  AxisGroup outer = group;
  for (size_t i = innermost; i < group.axes.size(); ++i) outer.extents[i] = 1;
  for (size_t i = 0; i < group.axes.size(); ++i) {
    if (i == innermost)
      axes[group.axes[i]] = Axis(loop.row_axis);
    else
      axes[group.axes[i]] = Unflatten(outer, i, Axis(loop.rows_axis));
  }
}

class Packer {
 public:
  Packer(KernelFrame& frame, const ContractionPlan& plan, const OperandPlan& operand,
         FlatAxis x_axis)
      : frame_(frame), f_(frame.f), plan_(plan), operand_(operand), x_axis_(x_axis) {
    // The packed rows run outside, their elements inside.
    const int first = kPackFirst;
    const bool rows_are_x = x_axis == kMAxis;
    x_ = {&plan.groups[x_axis], rows_are_x ? first : first + 2, rows_are_x ? first + 1 : first + 3};
    k_ = {&plan.groups[kKAxis], rows_are_x ? first + 2 : first, rows_are_x ? first + 3 : first + 1};
  }

  /// Part `block` of the block that begins at `origin`.
  void Emit(const PackedBlock& block, const PackedBlock& origin, int64_t x_stride,
            int64_t k_stride) {
    const DType dtype = plan_.dtype;
    Nest nest{.outer = {block.batch}, .parallel = 4};
    nest.extents.resize(kPackFirst + 4);
    nest.extents[kPackBatch] = plan_.extent(kBatchAxis);
    nest.ranges.resize(4);
    SetRange(nest, x_, block.x_low, block.x_high);
    SetRange(nest, k_, block.k_low, block.k_high);
    const std::vector<Index> axes = OriginalAxes();
    for (const StageRead& read : frame_.kernel.stages[0].reads)
      nest.reads.push_back(SubstituteRead(frame_, read, axes));
    nest.results = {Rewrite(operand_.value, [&](const ScalarNode& node) {
      return node.kind == ScalarKind::kIndex ? IndexScalar(Substitute(node.index, axes)) : nullptr;
    })};
    nest.status = frame_.status;
    llvm::Value* start =
        f_.b.CreateAdd(f_.Mul(origin.x_low, x_stride), f_.Mul(origin.k_low, k_stride));
    llvm::Value* base = f_.b.CreateGEP(
        f_.MemoryType(dtype), frame_.ScratchAt(operand_.scratch_offset), f_.b.CreateNeg(start));
    Memory memory{base, dtype, {plan_.extent(x_axis_), plan_.extent(kKAxis)}, {x_stride, k_stride}};
    nest.stores = {{0, {x_.Flat(), k_.Flat()}, memory, nullptr}};
    EmitNest(f_, nest);
  }

 private:
  void SetRange(Nest& nest, const GroupLoop& loop, llvm::Value* low, llvm::Value* high) {
    auto& b = f_.b;
    nest.extents[loop.rows_axis] = loop.rows();
    nest.extents[loop.row_axis] = loop.row();
    if (!loop.split()) {
      nest.ranges[loop.row_axis - kPackFirst] = {low, high, 1};
      return;
    }
    llvm::Value* row = f_.I64(loop.row());
    nest.ranges[loop.rows_axis - kPackFirst] = {b.CreateUDiv(low, row), b.CreateUDiv(high, row), 1};
  }

  std::vector<Index> OriginalAxes() const {
    size_t count = 0;
    for (const AxisGroup& group : plan_.groups) count += group.axes.size();
    std::vector<Index> axes(count, ConstantIndex(0));
    const AxisGroup& batch = plan_.groups[kBatchAxis];
    for (size_t i = 0; i < batch.axes.size(); ++i)
      axes[batch.axes[i]] = Unflatten(batch, i, Axis(kPackBatch));
    SubstituteGroup(x_, axes);
    SubstituteGroup(k_, axes);
    return axes;
  }

  KernelFrame& frame_;
  FunctionEmitter& f_;
  const ContractionPlan& plan_;
  const OperandPlan& operand_;
  FlatAxis x_axis_;
  GroupLoop x_{}, k_{};
};

/// Columns of source, `count` of them, contiguous along k, as rows. Vectors of one row each;
/// log2(count) rounds of exchanges.
void TransposeBlock(FunctionEmitter& f, std::vector<llvm::Value*>& vectors) {
  const int lanes = static_cast<int>(vectors.size());
  for (int distance = lanes / 2; distance >= 1; distance /= 2)
    for (int i = 0; i < lanes; ++i) {
      if (i & distance) continue;
      std::vector<int> low, high;
      for (int lane = 0; lane < lanes; ++lane) {
        const bool second = lane & distance;
        low.push_back(second ? lanes + lane - distance : lane);
        high.push_back(second ? lanes + lane : lane + distance);
      }
      llvm::Value* a = vectors[i];
      llvm::Value* c = vectors[i + distance];
      vectors[i] = f.b.CreateShuffleVector(a, c, low);
      vectors[i + distance] = f.b.CreateShuffleVector(a, c, high);
    }
}

/// rhs whose source is contiguous along k: whole blocks of lanes x lanes by shuffles, the edges
/// element by element.
void EmitTransposingPack(KernelFrame& frame, const ContractionPlan& plan, const PackedBlock& block,
                         Packer& packer) {
  FunctionEmitter& f = frame.f;
  auto& b = f.b;
  const OperandPlan& rhs = plan.rhs;
  const FlatAddress& address = *rhs.address;
  const int64_t lanes = plan.lanes;
  llvm::Type* element = f.MemoryType(plan.dtype);
  llvm::Type* vector = f.Widen(element, static_cast<int>(lanes));
  const llvm::Align align(Info(plan.dtype).bytes);
  const StageRead& read = frame.kernel.stages[0].reads[rhs.value->slot];
  const auto whole = [&](llvm::Value* low, llvm::Value* high) {
    llvm::Value* count = b.CreateSub(high, low);
    return f.Add(low, b.CreateAnd(count, f.I64(-lanes)));
  };
  llvm::Value* x_end = whole(block.x_low, block.x_high);
  llvm::Value* k_end = whole(block.k_low, block.k_high);
  llvm::Value* source = f.Element(element, frame.parameters[read.index],
                                  f.Mul(block.batch, address.coefficients[kBatchAxis]));
  source = f.Element(element, source, f.I64(address.constant));
  llvm::Value* destination = frame.ScratchAt(rhs.scratch_offset);
  f.For(
      block.x_low, x_end, lanes,
      [&](llvm::Value* x) {
        llvm::Value* column = f.Element(element, source, f.Mul(x, address.coefficients[kNAxis]));
        llvm::Value* target = f.Element(element, destination, b.CreateSub(x, block.x_low));
        f.For(
            block.k_low, k_end, lanes,
            [&](llvm::Value* k) {
              std::vector<llvm::Value*> vectors;
              llvm::Value* from = f.Element(element, column, k);
              for (int64_t i = 0; i < lanes; ++i)
                vectors.push_back(b.CreateAlignedLoad(
                    vector, f.Element(element, from, f.I64(i * address.coefficients[kNAxis])),
                    align));
              TransposeBlock(f, vectors);
              llvm::Value* to =
                  f.Element(element, target, f.Mul(b.CreateSub(k, block.k_low), rhs.k_stride));
              for (int64_t i = 0; i < lanes; ++i)
                b.CreateAlignedStore(vectors[i], f.Element(element, to, f.I64(i * rhs.k_stride)),
                                     align);
            },
            "pack_k");
      },
      "pack_n");
  const bool x_divides = plan.extent(kNAxis) % lanes == 0 && plan.block_n % lanes == 0;
  const bool k_divides = plan.extent(kKAxis) % lanes == 0 && plan.block_k % lanes == 0;
  const PackedBlock last_columns = {block.batch, x_end, block.x_high, block.k_low, block.k_high};
  const PackedBlock last_rows = {block.batch, block.x_low, x_end, k_end, block.k_high};
  if (!x_divides) packer.Emit(last_columns, block, 1, rhs.k_stride);
  if (!k_divides) packer.Emit(last_rows, block, 1, rhs.k_stride);
}

}  // namespace

NestRead SubstituteRead(KernelFrame& frame, const StageRead& read, std::span<const Index> axes) {
  NestRead result{{}, {}, read.outside, frame.Parameter(read.index), nullptr};
  for (const Index& index : read.coordinates) result.coordinates.push_back(Substitute(index, axes));
  for (const Guard& guard : read.guards)
    result.guards.push_back({Substitute(guard.index, axes), guard.extent});
  return result;
}

void EmitPackLhs(KernelFrame& frame, const ContractionPlan& plan, const PackedBlock& block) {
  Packer(frame, plan, plan.lhs, kMAxis).Emit(block, block, plan.lhs.row_stride, plan.lhs.k_stride);
}

void EmitPackRhs(KernelFrame& frame, const ContractionPlan& plan, const PackedBlock& block) {
  Packer packer(frame, plan, plan.rhs, kNAxis);
  if (plan.rhs.transposed)
    EmitTransposingPack(frame, plan, block, packer);
  else
    packer.Emit(block, block, 1, plan.rhs.k_stride);
}

}  // namespace descent
