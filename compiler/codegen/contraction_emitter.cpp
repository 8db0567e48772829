#include "compiler/codegen/contraction_emitter.h"

#include <algorithm>

#include "compiler/codegen/contraction_plan.h"
#include "compiler/codegen/epilogue_prefetch.h"
#include "compiler/codegen/lane_step.h"
#include "compiler/codegen/micro_kernel.h"
#include "compiler/codegen/packing.h"
#include "compiler/codegen/panels.h"
#include "compiler/codegen/window_box.h"
#include "ir/counts.h"

namespace descent {
namespace {

/// A run of register tiles of equal size along m or n.
struct Panel {
  llvm::Value* low;
  int64_t extent;
};

/// Axes of the epilogue's nest: a register tile lies at [m_start, n_start] of a batch index.
enum EpilogueAxis : int { kEpilogueBatch, kEpilogueM, kEpilogueN, kEpilogueRow, kEpilogueColumn };

class ContractionKernelEmitter {
 public:
  explicit ContractionKernelEmitter(KernelFrame& frame)
      : frame_(frame),
        f_(frame.f),
        b_(frame.f.b),
        kernel_(frame.kernel),
        stage_(kernel_.stages[0]),
        plan_(PlanContraction(kernel_, frame.f.target().facts)) {}

  void Emit() {
    if (plan_.tiles == 0) return;
    // What lies packed in scratch, so that neighbouring tiles of one call share it.
    lhs_packed_ = f_.Variable(b_.getInt64Ty(), "lhs_packed");
    rhs_packed_ = f_.Variable(b_.getInt64Ty(), "rhs_packed");
    b_.CreateStore(f_.I64(-1), lhs_packed_);
    b_.CreateStore(f_.I64(-1), rhs_packed_);
    f_.For(
        frame_.first_tile, frame_.last_tile, 1, [&](llvm::Value* tile) { EmitTile(tile); }, "tile");
  }

 private:
  struct Tile {
    llvm::Value *batch, *m_low, *m_high, *n_low, *n_high;
    llvm::Value *lhs_key, *rhs_key;  ///< numbers of the blocks of lhs and rhs that it reads
  };

  /// A panel of rhs, where it is packed.
  struct ColumnPanel {
    llvm::Value* number;  ///< of its place
    llvm::Value* packs;   ///< does this tile pack panels?
    PackedPanel next;
  };

  // ---- tiles and blocks ----

  llvm::Value* Divide(llvm::Value* a, int64_t by) {
    return by == 1 ? a : b_.CreateUDiv(a, f_.I64(by));
  }
  llvm::Value* Remainder(llvm::Value* a, int64_t by) {
    return by == 1 ? f_.I64(0) : static_cast<llvm::Value*>(b_.CreateURem(a, f_.I64(by)));
  }
  llvm::Value* End(llvm::Value* low, int64_t block, int64_t extent) {
    llvm::Value* end = f_.Add(low, f_.I64(block));
    return extent % block == 0 ? end : f_.Min(end, f_.I64(extent));
  }

  void EmitTile(llvm::Value* number) {
    Tile tile{};
    // Neighbouring tiles share what is dearer to pack: a box, else a block of rhs.
    llvm::Value *m_tile, *n_tile;
    if (plan_.window) {
      llvm::Value* row = Divide(number, plan_.tiles_n);
      n_tile = Remainder(number, plan_.tiles_n);
      m_tile = Remainder(row, plan_.tiles_m);
      tile.batch = plan_.extent(kBatchAxis) == 1 ? f_.I64(0) : Divide(row, plan_.tiles_m);
    } else {
      llvm::Value* column = Divide(number, plan_.tiles_m);
      m_tile = Remainder(number, plan_.tiles_m);
      n_tile = Remainder(column, plan_.tiles_n);
      tile.batch = plan_.extent(kBatchAxis) == 1 ? f_.I64(0) : Divide(column, plan_.tiles_n);
    }
    tile.lhs_key = f_.Add(f_.Mul(tile.batch, plan_.tiles_m), m_tile);
    tile.rhs_key = f_.Add(f_.Mul(tile.batch, plan_.tiles_n), n_tile);
    tile.m_low = f_.Mul(m_tile, plan_.block_m);
    tile.n_low = f_.Mul(n_tile, plan_.block_n);
    tile.m_high = End(tile.m_low, plan_.block_m, plan_.extent(kMAxis));
    tile.n_high = End(tile.n_low, plan_.block_n, plan_.extent(kNAxis));
    if (plan_.one_k_block()) {
      EmitBlock(tile, f_.I64(0), f_.I64(plan_.extent(kKAxis)));
      return;
    }
    f_.For(
        f_.I64(0), f_.I64(plan_.extent(kKAxis)), plan_.block_k,
        [&](llvm::Value* k_low) {
          EmitBlock(tile, k_low, End(k_low, plan_.block_k, plan_.extent(kKAxis)));
        },
        "k_block");
  }

  void EmitBlock(const Tile& tile, llvm::Value* k_low, llvm::Value* k_high) {
    const bool whole_k = plan_.one_k_block();
    if (plan_.rhs.packing == Packing::kBlock)
      PackUnless(whole_k ? rhs_packed_ : nullptr, tile.rhs_key, [&] {
        EmitPackRhs(frame_, plan_, {tile.batch, tile.n_low, tile.n_high, k_low, k_high});
      });
    if (plan_.window) {
      const bool all_of_k = plan_.window->whole_k(plan_.extent(kKAxis));
      PackUnless(all_of_k ? lhs_packed_ : nullptr, tile.lhs_key,
                 [&] { EmitPackBox(frame_, plan_, tile.batch, tile.m_low, k_low); });
    } else if (plan_.lhs.packed()) {
      PackUnless(whole_k && plan_.tiles_m == 1 ? lhs_packed_ : nullptr, tile.lhs_key, [&] {
        EmitPackLhs(frame_, plan_, {tile.batch, tile.m_low, tile.m_high, k_low, k_high});
      });
    }
    EmitColumnPanels(tile, k_low, k_high);
  }

  /// Panels of rhs that are kept are packed by the first tile that reads the block.
  void EmitColumnPanels(const Tile& tile, llvm::Value* k_low, llvm::Value* k_high) {
    llvm::Value* packs = b_.getInt1(plan_.rhs.panels());
    if (plan_.rhs.keeps_panels)
      packs = b_.CreateICmpNE(b_.CreateLoad(b_.getInt64Ty(), rhs_packed_), tile.rhs_key);
    EmitPanels(tile.n_low, tile.n_high, kNAxis, [&](const Panel& columns) {
      PackedPanel panel{tile.batch, columns.low, columns.extent, k_low, k_high, f_.I64(0)};
      if (plan_.rhs.keeps_panels) panel.number = PanelNumber(b_.CreateSub(columns.low, tile.n_low));
      if (plan_.rhs.panels()) f_.If(packs, [&] { EmitPackPanel(frame_, plan_, panel); });
      PackedPanel next = panel;
      next.n_low = f_.Add(columns.low, f_.I64(columns.extent));
      EmitRowPanels(tile, [&](const Panel& rows) {
        EmitRegisterTile(tile, rows, columns, {panel.number, packs, next}, k_low, k_high);
      });
    });
    if (plan_.rhs.keeps_panels) b_.CreateStore(tile.rhs_key, rhs_packed_);
  }

  /// Of the panel that starts at a column of its block: sizes differ by a vector at most, and all
  /// panels together are less than one short of the longest size.
  llvm::Value* PanelNumber(llvm::Value* column) {
    return Divide(f_.Add(column, f_.I64(plan_.register_n() - 1)), plan_.register_n());
  }

  /// Lines of a panel lie too far apart for the hardware to foresee: each row of the register tiles
  /// fetches its share of the panel that is packed next.
  void EmitPrefetchNext(const ColumnPanel& panel, const Tile& tile, llvm::Value* row) {
    const int64_t rows = PrefetchedRows(plan_, panel.next);
    const int64_t share = CeilDiv(rows, plan_.block_m);
    llvm::Value* count = b_.CreateSelect(panel.packs, f_.I64(share), f_.I64(0));
    EmitPrefetchPanel(frame_, plan_, panel.next, f_.Mul(b_.CreateSub(row, tile.m_low), share),
                      count);
  }

  /// `key` names the block; null `packed`: it is never the one that lies there.
  void PackUnless(llvm::AllocaInst* packed, llvm::Value* key, const std::function<void()>& pack) {
    if (!packed) return pack();
    llvm::Value* other = b_.CreateICmpNE(b_.CreateLoad(b_.getInt64Ty(), packed), key);
    f_.If(other, [&] {
      pack();
      b_.CreateStore(key, packed);
    });
  }

  /// A block has one of two lengths, that of the last one or that of all others; each has its
  /// number of panels of every size.
  void EmitPanels(llvm::Value* low, llvm::Value* high, FlatAxis axis,
                  const std::function<void(const Panel&)>& body) {
    const bool rows = axis == kMAxis;
    const int64_t size = rows ? plan_.register_m : plan_.register_n();
    const int64_t unit = rows ? 1 : plan_.lanes;
    const int64_t block = rows ? plan_.block_m : plan_.block_n;
    const int64_t rest = plan_.extent(axis) % block;
    const Panels usual = PanelsOf(block, size, unit);
    const Panels last = rest == 0 ? usual : PanelsOf(rest, size, unit);
    llvm::Value* is_last = b_.CreateICmpNE(b_.CreateSub(high, low), f_.I64(block));
    descent::EmitPanels(f_, low, usual, last, is_last,
                        [&](llvm::Value* at, int64_t extent) { body({at, extent}); });
  }

  /// Register tiles of a windowed factor stay in one row of pixels.
  void EmitRowPanels(const Tile& tile, const std::function<void(const Panel&)>& body) {
    if (!plan_.window) return EmitPanels(tile.m_low, tile.m_high, kMAxis, body);
    const int64_t row = plan_.window->row;
    const Panels panels = PanelsOf(row, plan_.register_m, 1);
    f_.For(
        f_.I64(0), f_.I64(plan_.block_m / row), 1,
        [&](llvm::Value* number) {
          llvm::Value* low = f_.Add(tile.m_low, f_.Mul(number, row));
          box_row_ = b_.CreateSub(BoxRow(f_, plan_, number), f_.Mul(low, plan_.lhs.row_stride));
          descent::EmitPanels(f_, low, panels, panels, b_.getFalse(),
                              [&](llvm::Value* at, int64_t extent) { body({at, extent}); });
        },
        "row");
  }

  /// Where the rows of a register tile lie in the box, by number of the run of k.
  Runs BoxRuns(const Panel& rows, llvm::Value* k_low, llvm::Value* k_high) {
    const int64_t run = plan_.window->run;
    llvm::Type* element = f_.MemoryType(plan_.factors());
    const bool all_of_k = plan_.window->whole_k(plan_.extent(kKAxis));
    llvm::Value* row = f_.Add(box_row_, f_.Mul(rows.low, plan_.lhs.row_stride));
    llvm::Value* base = f_.Element(element, frame_.ScratchAt(plan_.lhs.scratch_offset), row);
    const auto lhs = [this, base, element](llvm::Value* number) {
      return f_.Element(element, base, BoxRun(f_, plan_, number));
    };
    return {.first = all_of_k ? Divide(k_low, run) : f_.I64(0),
            .count = Divide(b_.CreateSub(k_high, k_low), run),
            .steps = run / plan_.steps_at_once(),
            .lhs = lhs};
  }

  // ---- register tiles ----

  llvm::Value* DirectBase(const OperandPlan& operand, const Tile& tile, llvm::Value* k_low) {
    const FlatAddress& address = *operand.address;
    llvm::Type* element = f_.MemoryType(plan_.factors());
    const StageRead& read = stage_.reads[operand.read];
    llvm::Value* base = frame_.parameters[read.index];
    base = f_.Element(element, base, f_.Mul(tile.batch, address.coefficients[kBatchAxis]));
    base = f_.Element(element, base, OffsetOfK(f_, address, k_low));
    return f_.Element(element, base, f_.I64(address.constant));
  }

  llvm::Value* OperandAddress(const OperandPlan& operand, const Tile& tile, llvm::Value* k_low,
                              llvm::Value* x, llvm::Value* x_origin, int64_t x_stride) {
    llvm::Type* element = f_.MemoryType(plan_.factors());
    if (!operand.packed())
      return f_.Element(element, DirectBase(operand, tile, k_low), f_.Mul(x, x_stride));
    return f_.Element(element, frame_.ScratchAt(operand.scratch_offset),
                      f_.Mul(b_.CreateSub(x, x_origin), x_stride));
  }

  llvm::Value* Steps(llvm::Value* k_low, llvm::Value* k_high) {
    llvm::Value* count = b_.CreateSub(k_high, k_low);
    return plan_.pairs ? b_.CreateUDiv(f_.Add(count, f_.I64(1)), f_.I64(2)) : count;
  }

  void EmitRegisterTile(const Tile& tile, const Panel& rows, const Panel& columns,
                        const ColumnPanel& panel, llvm::Value* k_low, llvm::Value* k_high) {
    MicroKernel micro{.rows = rows.extent, .columns = columns.extent};
    micro.mask_columns = !plan_.rhs.packed();
    if (plan_.window)
      micro.runs = BoxRuns(rows, k_low, k_high);
    else
      micro.lhs =
          OperandAddress(plan_.lhs, tile, k_low, rows.low, tile.m_low, plan_.lhs.row_stride);
    micro.rhs = plan_.rhs.panels()
                    ? PanelAddress(frame_, plan_, panel.number)
                    : OperandAddress(plan_.rhs, tile, k_low, columns.low, tile.n_low, 1);
    micro.steps = Steps(k_low, k_high);
    micro.partial = frame_.ScratchAt(plan_.partial_offset);
    const bool whole_k = plan_.one_k_block();
    if (whole_k || plan_.rhs.panels()) {
      micro.prefetch = [&](llvm::Value* number) {
        llvm::Value* row = f_.Add(rows.low, number);
        if (plan_.rhs.panels()) EmitPrefetchNext(panel, tile, row);
        if (whole_k)
          EmitPrefetchEpilogue(frame_, plan_, {tile.batch, row, columns.low, columns.extent});
      };
    }
    if (whole_k) {
      EmitMicroKernel(f_, plan_, micro);
      EmitEpilogue(tile, rows, columns, micro.partial);
      return;
    }
    llvm::Value* place = f_.Add(f_.Mul(b_.CreateSub(rows.low, tile.m_low), plan_.partial_stride),
                                b_.CreateSub(columns.low, tile.n_low));
    micro.partial = f_.Element(f_.MemoryType(plan_.dtype), micro.partial, place);
    micro.resume = b_.CreateICmpNE(k_low, f_.I64(0));
    EmitMicroKernel(f_, plan_, micro);
    f_.If(b_.CreateICmpEQ(k_high, f_.I64(plan_.extent(kKAxis))),
          [&] { EmitEpilogue(tile, rows, columns, micro.partial); });
  }

  // ---- epilogue ----

  /// The stage's results over a tile of sums that lies at `sums`.
  void EmitEpilogue(const Tile& tile, const Panel& rows, const Panel& columns, llvm::Value* sums) {
    Nest nest{.outer = {tile.batch, rows.low, columns.low}, .parallel = 2};
    nest.extents = {plan_.extent(kBatchAxis), plan_.extent(kMAxis), plan_.extent(kNAxis),
                    rows.extent, columns.extent};
    nest.ranges.resize(2);
    nest.status = frame_.status;
    for (const StageRead& read : stage_.reads) nest.reads.push_back(EpilogueRead(read));
    const int accumulator = static_cast<int>(nest.reads.size());
    const Memory memory{
        sums, plan_.dtype, {rows.extent, columns.extent}, {plan_.partial_stride, 1}};
    nest.reads.push_back(
        {{Axis(kEpilogueRow), Axis(kEpilogueColumn)}, {}, nullptr, memory, nullptr});
    for (const Scalar& result : stage_.results)
      nest.results.push_back(
          Rewrite(result, [&](const ScalarNode& node) { return EpilogueLeaf(node, accumulator); }));
    for (const StageStore& store : stage_.stores) {
      DESCENT_CHECK(store.local < 0, "kernel " + kernel_.name + ": a contraction has no locals");
      NestRead place = EpilogueAccess(store.coordinates, store.parameter);
      nest.stores.push_back({store.result, place.coordinates, place.memory, nullptr});
    }
    EmitNest(f_, nest);
  }

  Scalar EpilogueLeaf(const ScalarNode& node, int accumulator) const {
    if (node.kind == ScalarKind::kAccumulator) return ReadScalar(accumulator, node.dtype);
    if (node.kind != ScalarKind::kIndex) return nullptr;
    return IndexScalar(Substitute(node.index, OriginalAxes()));
  }

  /// Flattened m and n as the epilogue's nest sees them.
  Index FlatIndex(FlatAxis axis) const {
    if (axis == kBatchAxis) return Axis(kEpilogueBatch);
    if (axis == kMAxis) return Axis(kEpilogueM) + Axis(kEpilogueRow);
    if (axis == kNAxis) return Axis(kEpilogueN) + Axis(kEpilogueColumn);
    return ConstantIndex(0);  // K is summed up
  }

  std::vector<Index> OriginalAxes() const {
    std::vector<Index> axes(AxisCount(), ConstantIndex(0));
    for (int flat = 0; flat < kFlatAxes; ++flat) {
      const AxisGroup& group = plan_.groups[flat];
      for (size_t i = 0; i < group.axes.size(); ++i)
        axes[group.axes[i]] = Unflatten(group, i, FlatIndex(static_cast<FlatAxis>(flat)));
    }
    return axes;
  }

  int AxisCount() const { return static_cast<int>(kernel_.outer.size() + stage_.axes.size()); }

  NestRead EpilogueRead(const StageRead& read) {
    NestRead result = EpilogueAccess(read.coordinates, read.index);
    result.outside = read.outside;
    const std::vector<Index> axes = OriginalAxes();
    for (const Guard& guard : read.guards)
      result.guards.push_back({Substitute(guard.index, axes), guard.extent});
    return result;
  }

  /// An access that steps through whole groups becomes affine in the flattened axes.
  NestRead EpilogueAccess(const std::vector<Index>& coordinates, int parameter) {
    const Memory memory = frame_.Parameter(parameter);
    const auto affine = AsAffine(Flatten(coordinates, memory.strides), AxisCount());
    Index flat = ConstantIndex(affine ? affine->constant : 0);
    bool whole_groups = affine.has_value();
    for (int axis = 0; whole_groups && axis < kFlatAxes; ++axis) {
      const auto coefficient = GroupCoefficient(plan_.groups[axis], *affine);
      whole_groups = coefficient.has_value();
      if (whole_groups) flat = flat + FlatIndex(static_cast<FlatAxis>(axis)) * *coefficient;
    }
    if (whole_groups) {
      const int64_t elements = Elements(memory.extents);
      return {{flat}, {}, nullptr, {memory.base, memory.dtype, {elements}, {1}}, nullptr};
    }
    NestRead result{{}, {}, nullptr, memory, nullptr};
    const std::vector<Index> axes = OriginalAxes();
    for (const Index& index : coordinates) result.coordinates.push_back(Substitute(index, axes));
    return result;
  }

  KernelFrame& frame_;
  FunctionEmitter& f_;
  llvm::IRBuilder<>& b_;
  const Kernel& kernel_;
  const Stage& stage_;
  const ContractionPlan plan_;
  llvm::AllocaInst* lhs_packed_ = nullptr;
  llvm::AllocaInst* rhs_packed_ = nullptr;
  llvm::Value* box_row_ = nullptr;  ///< of the row of pixels at hand, less the place of its first
};

}  // namespace

void EmitContractionKernel(llvm::Module& module, const Target& target, const Kernel& kernel) {
  KernelFrame frame(module, target, kernel);
  ContractionKernelEmitter(frame).Emit();
  frame.Finish();
}

int64_t ContractionScratchBytes(const Kernel& kernel, const Target& target) {
  return PlanContraction(kernel, target.facts).scratch_bytes;
}

int64_t ContractionTiles(const Kernel& kernel, const Target& target) {
  return PlanContraction(kernel, target.facts).tiles;
}

}  // namespace descent
