#include "compiler/codegen/attention_blocks.h"

#include <limits>

#include "compiler/codegen/micro_kernel.h"
#include "compiler/codegen/panels.h"
#include "compiler/codegen/transpose.h"

namespace descent {

using enum ScalarOp;

namespace {

BlockExtents ExtentsOf(int64_t extent, int64_t block) {
  return {block, extent % block == 0 ? block : extent % block};
}

}  // namespace

AttentionBlocks::AttentionBlocks(KernelFrame& frame)
    : frame_(frame),
      f_(frame.f),
      b_(frame.f.b),
      form_(frame.kernel.as<AttentionForm>()),
      plan_(PlanAttention(frame.kernel, frame.f.target().facts)),
      element_(f_.MemoryType(plan_.dtype)),
      keys_on_lanes_(form_.sweep == AttentionSweep::kKeyGradient),
      column_extents_(ExtentsOf(plan_.column_extent, plan_.columns)),
      row_extents_(ExtentsOf(plan_.row_extent, plan_.rows)) {}

// ---- places -------------------------------------------------------------------------------------

BlockPlace AttentionBlocks::PlaceOf(llvm::Value* tile) {
  llvm::Value* per_head = f_.I64(plan_.tiles_per_head);
  llvm::Value* block = b_.CreateURem(tile, per_head);
  llvm::Value* is_last = column_extents_.usual == column_extents_.last
                             ? static_cast<llvm::Value*>(b_.getFalse())
                             : b_.CreateICmpEQ(block, f_.I64(plan_.tiles_per_head - 1));
  return {.column_head = b_.CreateUDiv(tile, per_head),
          .column_low = f_.Mul(block, plan_.columns),
          .is_last_column_block = is_last};
}

void AttentionBlocks::ForEachBlock(Place place, const std::function<void(const Place&)>& body) {
  llvm::Value* low = f_.I64(0);
  llvm::Value* high = f_.I64(plan_.row_extent);
  if (form_.causal && keys_on_lanes_) {
    low = b_.CreateUDiv(place.column_low, f_.I64(plan_.rows));
    low = f_.Mul(low, plan_.rows);
  } else if (form_.causal) {
    high = f_.Min(high, f_.Add(place.column_low, f_.I64(plan_.columns)));
  }
  f_.For(
      low, high, plan_.rows,
      [&](llvm::Value* row_low) {
        place.row_low = row_low;
        llvm::Value* rest = b_.CreateSub(f_.I64(plan_.row_extent), row_low);
        const bool equal = row_extents_.usual == row_extents_.last;
        place.row_count = equal ? f_.I64(plan_.rows) : f_.Min(rest, f_.I64(plan_.rows));
        place.is_last_row_block = equal ? static_cast<llvm::Value*>(b_.getFalse())
                                        : b_.CreateICmpSLT(rest, f_.I64(plan_.rows));
        body(place);
      },
      "block");
}

// ---- nests over blocks --------------------------------------------------------------------------

Memory AttentionBlocks::Block(int64_t offset, int64_t rows) {
  return {frame_.ScratchAt(offset), plan_.dtype, {rows, plan_.columns}, {plan_.columns, 1}};
}

Memory AttentionBlocks::RowMemory(int64_t offset) {
  return {frame_.ScratchAt(offset), plan_.dtype, {plan_.columns}, {1}};
}

NestRead AttentionBlocks::BlockRead(int64_t offset, int64_t rows) {
  return {{Axis(kRow), Axis(kColumn)}, {}, nullptr, Block(offset, rows), nullptr};
}

NestStore AttentionBlocks::BlockStore(int result, int64_t offset, int64_t rows) {
  return {result, {Axis(kRow), Axis(kColumn)}, Block(offset, rows), nullptr};
}

NestRead AttentionBlocks::RowRead(int64_t offset) {
  return {{Axis(kColumn)}, {}, nullptr, RowMemory(offset), nullptr};
}

NestStore AttentionBlocks::RowStore(int result, int64_t offset) {
  return {result, {Axis(kColumn)}, RowMemory(offset), nullptr};
}

NestRead AttentionBlocks::ReducedRead(int64_t offset) {
  return {{Axis(kColumn), Axis(kRow)}, {}, nullptr, Block(offset, plan_.rows), nullptr};
}

NestRead AttentionBlocks::ColumnRead(int64_t offset) {
  return {{Axis(kRow)}, {}, nullptr, RowMemory(offset), nullptr};
}

NestStore AttentionBlocks::ColumnStore(int result, int64_t offset) {
  return {result, {Axis(kRow)}, RowMemory(offset), nullptr};
}

Nest AttentionBlocks::BlockNest(const Place& p, int64_t extent, llvm::Value* rows) {
  llvm::Value* zero = f_.I64(0);
  const auto or_zero = [&](llvm::Value* value) { return value ? value : zero; };
  Nest nest{.outer = {or_zero(QueryHead(p)), or_zero(p.column_low), or_zero(p.row_low)},
            .parallel = 2};
  nest.extents = {form_.heads, plan_.column_extent, plan_.row_extent, extent, plan_.columns};
  nest.ranges.resize(2);
  if (rows) nest.ranges[0] = {zero, rows, 1};
  nest.status = frame_.status;
  return nest;
}

Nest AttentionBlocks::ReductionNest(const Place& p, const Reducer& reducer) {
  Nest nest = BlockNest(p, plan_.rows);
  std::swap(nest.extents[kRow], nest.extents[kColumn]);
  nest.ranges[1] = {f_.I64(0), p.row_count, 1};
  nest.parallel = 1;
  nest.reducer = &reducer;
  return nest;
}

void AttentionBlocks::Fill(int64_t offset, int64_t rows, double value) {
  Nest nest = BlockNest({}, rows);
  nest.results = {Number(value)};
  nest.stores = {BlockStore(0, offset, rows)};
  EmitNest(f_, nest);
}

void AttentionBlocks::ScaleBlock(int64_t offset, int64_t rows, double factor) {
  Nest nest = BlockNest({}, rows);
  nest.reads = {BlockRead(offset, rows)};
  nest.results = {Call(kMul, {Value(0), Number(factor)})};
  nest.stores = {BlockStore(0, offset, rows)};
  EmitNest(f_, nest);
}

Scalar AttentionBlocks::MinusInfinity() const {
  return Number(-std::numeric_limits<double>::infinity());
}

Scalar AttentionBlocks::Finite(const Scalar& x) const {
  return Call(kSelect, {Call(kEq, {x, MinusInfinity()}), Number(0), x});
}

// ---- operands and results -----------------------------------------------------------------------

llvm::Value* AttentionBlocks::Offset(llvm::Value* base, llvm::Value* elements) {
  return f_.Element(element_, base, elements);
}

llvm::Value* AttentionBlocks::RowOf(int parameter, llvm::Value* head, int64_t length,
                                    llvm::Value* row, int64_t width) {
  llvm::Value* start = Offset(frame_.parameters[parameter], f_.Mul(head, length * width));
  return Offset(start, f_.Mul(row, width));
}

void AttentionBlocks::ForColumnCount(const Place& p, const std::function<void(int64_t)>& body) {
  if (plan_.tiles_per_head > 1 || column_extents_.usual == column_extents_.last) {
    f_.If(b_.CreateNot(p.is_last_column_block), [&] { body(column_extents_.usual); });
  }
  if (column_extents_.usual != column_extents_.last)
    f_.If(p.is_last_column_block, [&] { body(column_extents_.last); });
}

void AttentionBlocks::LoadColumns(const Place& p, int parameter, int64_t width, int64_t offset) {
  llvm::Value* source = RowOf(parameter, p.column_head, plan_.column_extent, p.column_low, width);
  if (column_extents_.usual != column_extents_.last)
    f_.If(p.is_last_column_block, [&] { Fill(offset, width, 0); });
  ForColumnCount(p, [&](int64_t count) {
    EmitTranspose(f_, plan_.dtype, {source, width}, {frame_.ScratchAt(offset), plan_.columns},
                  count, width);
  });
}

void AttentionBlocks::StoreColumns(const Place& p, int64_t offset, int64_t width, int parameter) {
  if (parameter < 0) return;
  llvm::Value* target = RowOf(parameter, p.column_head, plan_.column_extent, p.column_low, width);
  ForColumnCount(p, [&](int64_t count) {
    EmitTranspose(f_, plan_.dtype, {frame_.ScratchAt(offset), plan_.columns}, {target, width},
                  width, count);
  });
}

Index AttentionBlocks::Query() const {
  return keys_on_lanes_ ? Axis(kRowLow) + Axis(kRow) : Axis(kColumnLow) + Axis(kColumn);
}

Index AttentionBlocks::Key() const {
  return keys_on_lanes_ ? Axis(kColumnLow) + Axis(kColumn) : Axis(kRowLow) + Axis(kRow);
}

NestRead AttentionBlocks::QueryRead(int parameter) {
  const int64_t elements = form_.heads * form_.queries;
  const Memory memory{frame_.parameters[parameter], plan_.dtype, {elements}, {1}};
  return {{Axis(kHead) * form_.queries + Query()}, {}, nullptr, memory, nullptr};
}

NestRead AttentionBlocks::Guarded(NestRead read, Scalar outside) {
  if (column_extents_.usual == column_extents_.last) return read;
  read.guards.push_back({Axis(kColumnLow) + Axis(kColumn), plan_.column_extent});
  read.outside = std::move(outside);
  return read;
}

// ---- products -----------------------------------------------------------------------------------

/// target[i][column] (+)= sum over k < steps of lhs[i * row_stride + k * k_stride] *
/// rhs[k][column]
struct AttentionBlocks::Product {
  llvm::Value* lhs;
  int64_t row_stride, k_stride;
  int64_t rhs, target;  ///< offsets in scratch
  BlockExtents rows;
  llvm::Value* is_last = nullptr;  ///< which of the extents
  llvm::Value* steps;
  int64_t most_steps;
  bool accumulate = false;
};

void AttentionBlocks::EmitProduct(const Product& product) {
  ContractionPlan micro_plan{.dtype = plan_.dtype, .lanes = plan_.lanes};
  micro_plan.groups[kKAxis].extent = product.most_steps;
  micro_plan.block_k = ConstantValue(product.steps) ? product.most_steps : 1;
  micro_plan.lhs.row_stride = product.row_stride;
  micro_plan.lhs.k_stride = product.k_stride;
  micro_plan.rhs.k_stride = plan_.columns;
  micro_plan.partial_stride = plan_.columns;
  const Panels usual = PanelsOf(product.rows.usual, plan_.register_m, 1);
  const Panels last = PanelsOf(product.rows.last, plan_.register_m, 1);
  llvm::Value* is_last = product.is_last ? product.is_last : b_.getFalse();
  EmitPanels(f_, f_.I64(0), usual, last, is_last, [&](llvm::Value* row, int64_t extent) {
    MicroKernel micro{.rows = extent, .columns = plan_.columns};
    micro.lhs = Offset(product.lhs, f_.Mul(row, product.row_stride));
    micro.rhs = frame_.ScratchAt(product.rhs);
    micro.partial = Offset(frame_.ScratchAt(product.target), f_.Mul(row, plan_.columns));
    micro.steps = product.steps;
    if (product.accumulate) micro.resume = b_.getTrue();
    EmitMicroKernel(f_, micro_plan, micro);
  });
}

void AttentionBlocks::RowsTimesColumns(const Place& p, int parameter, int64_t width,
                                       int64_t columns, int64_t block) {
  EmitProduct({.lhs = RowOf(parameter, p.row_head, plan_.row_extent, p.row_low, width),
               .row_stride = width,
               .k_stride = 1,
               .rhs = columns,
               .target = block,
               .rows = row_extents_,
               .is_last = p.is_last_row_block,
               .steps = f_.I64(width),
               .most_steps = width});
}

void AttentionBlocks::AddRowsTransposed(const Place& p, int parameter, int64_t width, int64_t block,
                                        int64_t sum) {
  EmitProduct({.lhs = RowOf(parameter, p.row_head, plan_.row_extent, p.row_low, width),
               .row_stride = 1,
               .k_stride = width,
               .rhs = block,
               .target = sum,
               .rows = {width, width},
               .steps = p.row_count,
               .most_steps = plan_.rows,
               .accumulate = true});
}

// ---- scores -------------------------------------------------------------------------------------

void AttentionBlocks::EmitScores(const Place& p) {
  RowsTimesColumns(p, keys_on_lanes_ ? form_.q : form_.k, form_.width, plan_.first, plan_.scores);
  if (form_.mask >= 0) EmitMask(p);
  if (!form_.causal) return;
  llvm::Value* last_row = b_.CreateSub(f_.Add(p.row_low, p.row_count), f_.I64(1));
  llvm::Value* last_column = f_.Add(p.column_low, f_.I64(plan_.columns - 1));
  llvm::Value* crosses = keys_on_lanes_ ? b_.CreateICmpSGT(last_column, p.row_low)
                                        : b_.CreateICmpSGT(last_row, p.column_low);
  f_.If(crosses, [&] {
    const Scalar seen = Call(kGe, {IndexScalar(Query()), IndexScalar(Key())});
    RewriteScores(p, Call(kSelect, {seen, Value(0), MinusInfinity()}), {});
  });
}

void AttentionBlocks::EmitMask(const Place& p) {
  const DType dtype = frame_.kernel.parameters[form_.mask].type.dtype;
  const auto extent = [](int64_t length, int64_t stride) { return stride == 0 ? 1 : length; };
  const Memory memory{
      MaskOf(QueryHead(p)),
      dtype,
      {extent(form_.queries, form_.mask_query_stride), extent(form_.keys, form_.mask_key_stride)},
      {form_.mask_query_stride, form_.mask_key_stride}};
  const bool is_bool = dtype == DType::kBool;
  const NestRead mask = Guarded({{Query(), Key()}, {}, nullptr, memory, nullptr},
                                is_bool ? ConstantInt(dtype, 0) : ConstantScalar(dtype, 0));
  const Scalar given = ReadScalar(1, dtype);
  RewriteScores(
      p,
      is_bool ? Call(kSelect, {given, Value(0), MinusInfinity()}) : Call(kAdd, {Value(0), given}),
      {mask});
}

llvm::Value* AttentionBlocks::MaskOf(llvm::Value* head) {
  llvm::Value* base = frame_.parameters[form_.mask];
  llvm::Type* element = f_.MemoryType(frame_.kernel.parameters[form_.mask].type.dtype);
  for (const MaskAxis& axis : form_.mask_axes) {
    llvm::Value* index =
        b_.CreateURem(b_.CreateUDiv(head, f_.I64(axis.inner)), f_.I64(axis.extent));
    base = f_.Element(element, base, f_.Mul(index, axis.stride));
  }
  return base;
}

void AttentionBlocks::RewriteScores(const Place& p, const Scalar& result,
                                    const std::vector<NestRead>& more) {
  Nest nest = BlockNest(p, plan_.rows, p.row_count);
  nest.reads = {BlockRead(plan_.scores, plan_.rows)};
  nest.reads.insert(nest.reads.end(), more.begin(), more.end());
  nest.results = {result};
  nest.stores = {BlockStore(0, plan_.scores, plan_.rows)};
  EmitNest(f_, nest);
}

}  // namespace descent
