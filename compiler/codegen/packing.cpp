#include "compiler/codegen/packing.h"

#include <algorithm>

#include "compiler/codegen/pair_packing.h"
#include "compiler/codegen/transpose.h"

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

  void Emit(const PackedBlock& block, int64_t x_stride, int64_t k_stride) {
    const DType dtype = plan_.factors();
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
        f_.b.CreateAdd(f_.Mul(block.x_low, x_stride), f_.Mul(block.k_low, k_stride));
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

class PanelPacker {
 public:
  PanelPacker(KernelFrame& frame, const ContractionPlan& plan, const PackedPanel& panel)
      : f_(frame.f),
        b_(frame.f.b),
        plan_(plan),
        panel_(panel),
        element_(f_.MemoryType(ParameterType(frame, plan))),
        vector_(f_.Widen(element_, static_cast<int>(plan.lanes))),
        align_(Info(plan.dtype).bytes),
        n_stride_(plan.rhs.address->coefficients[kNAxis]),
        k_stride_(plan.rhs.address->coefficients[kKAxis]),
        steps_(b_.CreateSub(panel.k_high, panel.k_low)),
        target_(PanelAddress(frame, plan, panel.number)) {
    const FlatAddress& address = *plan.rhs.address;
    const StageRead& read = frame.kernel.stages[0].reads[plan.rhs.read];
    source_ = frame.parameters[read.index];
    source_ = f_.Element(element_, source_, f_.Mul(panel.batch, address.coefficients[kBatchAxis]));
    source_ = f_.Element(element_, source_, f_.Mul(panel.n_low, n_stride_));
    source_ = f_.Element(element_, source_, OffsetOfK(f_, address, panel.k_low));
    source_ = f_.Element(element_, source_, f_.I64(address.constant));
  }

  /// Rows of the source are rows of the panel.
  void Copy() {
    f_.For(
        f_.I64(0), steps_, 1,
        [&](llvm::Value* k) {
          for (int64_t n = 0; n < panel_.columns; n += plan_.lanes)
            b_.CreateAlignedStore(LoadRow(Source(f_.I64(n), k), panel_.columns - n),
                                  Target(f_.I64(n), k), align_);
        },
        "pack_k");
  }

  /// Of rows [first, first + count) of the source, as far as the panel has them: of copied ones the
  /// first cache line, of transposed ones all.
  void Prefetch(llvm::Value* first, llvm::Value* count) {
    const bool transposed = plan_.rhs.packing == Packing::kTransposedPanel;
    const int64_t line = kCacheLine / static_cast<int64_t>(element_->getScalarSizeInBits() / 8);
    const int64_t length = transposed ? plan_.block_k : 1;
    llvm::Value* last = f_.Min(f_.Add(first, count), f_.I64(PrefetchedRows(plan_, panel_)));
    f_.For(
        first, last, 1,
        [&](llvm::Value* row) {
          for (int64_t i = 0; i < length; i += line)
            f_.Prefetch(transposed ? Source(row, f_.I64(i)) : Source(f_.I64(0), row), 2, false);
        },
        "prefetch");
  }

  /// Rows of the source are columns of the panel: whole squares of lanes x lanes by shuffles, the
  /// edges element by element.
  void Transpose() {
    const int64_t lanes = plan_.lanes, whole_columns = panel_.columns / lanes * lanes;
    llvm::Value* whole_steps = b_.CreateAnd(steps_, f_.I64(-lanes));
    f_.For(
        f_.I64(0), whole_steps, lanes,
        [&](llvm::Value* k) {
          for (int64_t n = 0; n < whole_columns; n += lanes) Square(n, k);
        },
        "pack_k");
    Elements(f_.I64(0), f_.I64(whole_columns), whole_steps);
    Elements(f_.I64(whole_columns), f_.I64(panel_.columns), f_.I64(0));
  }

 private:
  static DType ParameterType(const KernelFrame& frame, const ContractionPlan& plan) {
    return frame.kernel.parameters[frame.kernel.stages[0].reads[plan.rhs.read].index].type.dtype;
  }

  llvm::Value* Source(llvm::Value* n, llvm::Value* k) {
    return f_.Element(element_, f_.Element(element_, source_, f_.Mul(k, k_stride_)),
                      f_.Mul(n, n_stride_));
  }
  llvm::Value* Target(llvm::Value* n, llvm::Value* k) {
    return f_.Element(element_, f_.Element(element_, target_, f_.Mul(k, plan_.register_n())), n);
  }

  /// Lanes from `columns` on are zero.
  llvm::Value* LoadRow(llvm::Value* address, int64_t columns) {
    if (columns >= plan_.lanes) return b_.CreateAlignedLoad(vector_, address, align_);
    return b_.CreateMaskedLoad(vector_, address, align_,
                               f_.FirstLanes(columns, static_cast<int>(plan_.lanes)),
                               llvm::Constant::getNullValue(vector_));
  }

  void Square(int64_t n, llvm::Value* k) {
    std::vector<llvm::Value*> rows;
    for (int64_t i = 0; i < plan_.lanes; ++i)
      rows.push_back(b_.CreateAlignedLoad(vector_, Source(f_.I64(n + i), k), align_));
    TransposeSquare(f_, rows);
    for (int64_t i = 0; i < plan_.lanes; ++i)
      b_.CreateAlignedStore(rows[i], Target(f_.I64(n), f_.Add(k, f_.I64(i))), align_);
  }

  void Elements(llvm::Value* n_low, llvm::Value* n_high, llvm::Value* k_low) {
    f_.For(n_low, n_high, 1, [&](llvm::Value* n) {
      f_.For(k_low, steps_, 1, [&](llvm::Value* k) {
        b_.CreateStore(b_.CreateLoad(element_, Source(n, k)), Target(n, k));
      });
    });
  }

  FunctionEmitter& f_;
  llvm::IRBuilder<>& b_;
  const ContractionPlan& plan_;
  const PackedPanel& panel_;
  llvm::Type* element_;
  llvm::Type* vector_;
  llvm::Align align_;
  int64_t n_stride_, k_stride_;  ///< of the source
  llvm::Value* steps_;
  llvm::Value* target_;
  llvm::Value* source_ = nullptr;
};

}  // namespace

NestRead SubstituteRead(KernelFrame& frame, const StageRead& read, std::span<const Index> axes) {
  NestRead result{{}, {}, read.outside, frame.Parameter(read.index), nullptr};
  for (const Index& index : read.coordinates) result.coordinates.push_back(Substitute(index, axes));
  for (const Guard& guard : read.guards)
    result.guards.push_back({Substitute(guard.index, axes), guard.extent});
  return result;
}

void EmitPackLhs(KernelFrame& frame, const ContractionPlan& plan, const PackedBlock& block) {
  if (plan.lhs.packing == Packing::kPairs) return EmitPackPairsOfLhs(frame, plan, block);
  const int64_t k_stride = plan.lhs.k_stride / plan.steps_at_once();
  Packer(frame, plan, plan.lhs, kMAxis).Emit(block, plan.lhs.row_stride, k_stride);
  if (plan.pairs) EmitPadOddRows(frame, plan, block);
}

void EmitPackRhs(KernelFrame& frame, const ContractionPlan& plan, const PackedBlock& block) {
  Packer(frame, plan, plan.rhs, kNAxis).Emit(block, 1, plan.rhs.k_stride);
}

llvm::Value* OffsetOfK(FunctionEmitter& f, const FlatAddress& address, llvm::Value* k_low) {
  const int64_t step = address.coefficients[kKAxis];
  if (address.k_run == 0) return f.Mul(k_low, step);
  llvm::Value* run = f.b.CreateUDiv(k_low, f.I64(address.k_run));
  llvm::Value* rest = f.b.CreateURem(k_low, f.I64(address.k_run));
  return f.Add(f.Mul(run, address.k_run_stride), f.Mul(rest, step));
}

llvm::Value* PanelAddress(KernelFrame& frame, const ContractionPlan& plan, llvm::Value* number) {
  return frame.f.Element(frame.f.MemoryType(plan.factors()),
                         frame.ScratchAt(plan.rhs.scratch_offset),
                         frame.f.Mul(number, plan.panel_elements()));
}

void EmitPackPanel(KernelFrame& frame, const ContractionPlan& plan, const PackedPanel& panel) {
  if (plan.pairs) return EmitPackPairsOfPanel(frame, plan, panel);
  PanelPacker packer(frame, plan, panel);
  if (plan.rhs.packing == Packing::kPanel)
    packer.Copy();
  else
    packer.Transpose();
}

int64_t PrefetchedRows(const ContractionPlan& plan, const PackedPanel& panel) {
  return plan.rhs.packing == Packing::kTransposedPanel ? panel.columns : plan.block_k;
}

void EmitPrefetchPanel(KernelFrame& frame, const ContractionPlan& plan, const PackedPanel& panel,
                       llvm::Value* first, llvm::Value* count) {
  PanelPacker(frame, plan, panel).Prefetch(first, count);
}

}  // namespace descent
