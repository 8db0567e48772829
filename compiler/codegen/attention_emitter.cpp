#include "compiler/codegen/attention_emitter.h"

#include <limits>

#include "compiler/codegen/attention_blocks.h"

namespace descent {
namespace {

using enum ScalarOp;

class AttentionEmitter : AttentionBlocks {
 public:
  using AttentionBlocks::AttentionBlocks;

  void Emit() {
    f_.For(
        frame_.first_tile, frame_.last_tile, 1, [&](llvm::Value* tile) { EmitTile(tile); }, "tile");
  }

 private:
  void EmitTile(llvm::Value* tile) {
    switch (form_.sweep) {
      case AttentionSweep::kForward:
        return EmitForward(PlaceOf(tile));
      case AttentionSweep::kQueryGradient:
        return EmitQueryGradient(PlaceOf(tile));
      case AttentionSweep::kKeyGradient:
        return EmitKeyGradient(PlaceOf(tile));
    }
  }

  // ---- forward: highest score, sum of weights and weighted values so far ----

  int64_t highest() const { return plan_.row_a; }
  int64_t sum() const { return plan_.row_b; }
  int64_t factor() const { return plan_.row_c; }

  void EmitForward(Place place) {
    LoadColumns(place, form_.q, form_.width, plan_.first);
    ScaleBlock(plan_.first, form_.width, form_.scale);
    Fill(highest(), 1, -std::numeric_limits<double>::infinity());
    Fill(sum(), 1, 0);
    Fill(plan_.first_sum, form_.value_width, 0);
    place.row_head = b_.CreateUDiv(place.column_head, f_.I64(form_.group));
    ForEachBlock(place, [&](const Place& p) {
      EmitScores(p);
      RaiseHighest(p);
      Weigh(p);
      AddWeights(p);
      RescaleValues(p);
      AddRowsTransposed(p, form_.v, form_.value_width, plan_.scores, plan_.first_sum);
    });
    FinishForward(place);
  }

  /// highest = max(highest, scores); factor = e^(highest before - highest), which shrinks what was
  /// summed up so far.
  void RaiseHighest(const Place& p) {
    const Scalar state = Accumulator(0, plan_.dtype), other = Other(0, plan_.dtype);
    const Reducer maximum{.init = {MinusInfinity()},
                          .step = {Call(kMax, {state, Value(0)})},
                          .combine = {Call(kMax, {state, other})}};
    Nest nest = ReductionNest(p, maximum);
    nest.reads = {ReducedRead(plan_.scores), ColumnRead(highest())};
    const Scalar next = Call(kMax, {Value(1), state});
    nest.results = {next, Call(kExp, {Call(kSub, {Value(1), Finite(next)})})};
    nest.stores = {ColumnStore(0, highest()), ColumnStore(1, factor())};
    EmitNest(f_, nest);
  }

  /// scores = e^(scores - highest)
  void Weigh(const Place& p) {
    Nest nest = BlockNest(p, plan_.rows, p.row_count);
    nest.reads = {BlockRead(plan_.scores, plan_.rows), RowRead(highest())};
    nest.results = {Call(kExp, {Call(kSub, {Value(0), Finite(Value(1))})})};
    nest.stores = {BlockStore(0, plan_.scores, plan_.rows)};
    EmitNest(f_, nest);
  }

  /// sum = sum * factor + the block's weights
  void AddWeights(const Place& p) {
    const Scalar state = Accumulator(0, plan_.dtype), other = Other(0, plan_.dtype);
    const Reducer total{.init = {Number(0)},
                        .step = {Call(kAdd, {state, Value(0)})},
                        .combine = {Call(kAdd, {state, other})}};
    Nest nest = ReductionNest(p, total);
    nest.reads = {ReducedRead(plan_.scores), ColumnRead(sum()), ColumnRead(factor())};
    nest.results = {Call(kAdd, {Call(kMul, {Value(1), Value(2)}), state})};
    nest.stores = {ColumnStore(0, sum())};
    EmitNest(f_, nest);
  }

  void RescaleValues(const Place& p) {
    f_.If(b_.CreateICmpNE(p.row_low, f_.I64(0)), [&] {
      Nest nest = BlockNest(p, form_.value_width);
      nest.reads = {BlockRead(plan_.first_sum, form_.value_width), RowRead(factor())};
      nest.results = {Call(kMul, {Value(0), Value(1)})};
      nest.stores = {BlockStore(0, plan_.first_sum, form_.value_width)};
      EmitNest(f_, nest);
    });
  }

  /// out = values / sum, 0 where no key was seen; logsumexp = highest + log sum.
  void FinishForward(const Place& p) {
    Nest nest = BlockNest(p, form_.value_width);
    nest.reads = {BlockRead(plan_.first_sum, form_.value_width), RowRead(sum())};
    const Scalar empty = Call(kEq, {Value(1), Number(0)});
    nest.results = {Call(kDiv, {Value(0), Call(kSelect, {empty, Number(1), Value(1)})})};
    nest.stores = {BlockStore(0, plan_.first_sum, form_.value_width)};
    EmitNest(f_, nest);
    StoreColumns(p, plan_.first_sum, form_.value_width, form_.first_result);
    if (form_.second_result < 0) return;
    Nest last = BlockNest(p, 1);
    llvm::Value* left = b_.CreateSub(f_.I64(plan_.column_extent), p.column_low);
    if (column_extents_.usual != column_extents_.last)
      last.ranges[1] = {f_.I64(0), f_.Min(left, f_.I64(plan_.columns)), 1};
    last.reads = {RowRead(highest()), RowRead(sum())};
    last.results = {Call(kAdd, {Finite(Value(0)), Call(kLog, {Value(1)})})};
    const NestRead place = QueryRead(form_.second_result);
    last.stores = {{0, place.coordinates, place.memory, nullptr}};
    EmitNest(f_, last);
  }

  // ---- gradients ----

  void EmitQueryGradient(Place place) {
    const int64_t lse = plan_.row_a, delta = plan_.row_b;
    LoadColumns(place, form_.q, form_.width, plan_.first);
    ScaleBlock(plan_.first, form_.width, form_.scale);
    LoadColumns(place, form_.gradient, form_.value_width, plan_.second);
    Nest rows = BlockNest(place, 1);
    rows.reads = {Guarded(QueryRead(form_.lse), Number(0)),
                  Guarded(QueryRead(form_.delta), Number(0))};
    rows.results = {Value(0), Value(1)};
    rows.stores = {RowStore(0, lse), RowStore(1, delta)};
    EmitNest(f_, rows);
    Fill(plan_.first_sum, form_.width, 0);
    place.row_head = b_.CreateUDiv(place.column_head, f_.I64(form_.group));
    ForEachBlock(place, [&](const Place& p) {
      EmitScores(p);
      RowsTimesColumns(p, form_.v, form_.value_width, plan_.second, plan_.gradient);
      EmitScoreGradient(p, RowRead(lse), RowRead(delta), false);
      AddRowsTransposed(p, form_.k, form_.width, plan_.gradient, plan_.first_sum);
    });
    ScaleBlock(plan_.first_sum, form_.width, form_.scale);
    StoreColumns(place, plan_.first_sum, form_.width, form_.first_result);
  }

  /// gradient = p * (gradient - delta) with p = e^(scores - lse), which replaces the scores if
  /// `keep`.
  void EmitScoreGradient(const Place& p, NestRead lse, NestRead delta, bool keep) {
    Nest nest = BlockNest(p, plan_.rows, p.row_count);
    nest.reads = {BlockRead(plan_.scores, plan_.rows), BlockRead(plan_.gradient, plan_.rows),
                  std::move(lse), std::move(delta)};
    const Scalar weight = Call(kExp, {Call(kSub, {Value(0), Finite(Value(2))})});
    nest.results = {Call(kMul, {weight, Call(kSub, {Value(1), Value(3)})}), weight};
    nest.stores = {BlockStore(0, plan_.gradient, plan_.rows)};
    if (keep) nest.stores.push_back(BlockStore(1, plan_.scores, plan_.rows));
    EmitNest(f_, nest);
  }

  void EmitKeyGradient(Place place) {
    LoadColumns(place, form_.k, form_.width, plan_.first);
    ScaleBlock(plan_.first, form_.width, form_.scale);
    LoadColumns(place, form_.v, form_.value_width, plan_.second);
    Fill(plan_.first_sum, form_.width, 0);
    Fill(plan_.second_sum, form_.value_width, 0);
    llvm::Value* first_head = f_.Mul(place.column_head, form_.group);
    f_.For(
        first_head, f_.Add(first_head, f_.I64(form_.group)), 1,
        [&](llvm::Value* head) {
          place.row_head = head;
          ForEachBlock(place, [&](const Place& p) {
            EmitScores(p);
            RowsTimesColumns(p, form_.gradient, form_.value_width, plan_.second, plan_.gradient);
            EmitScoreGradient(p, QueryRead(form_.lse), QueryRead(form_.delta), true);
            AddRowsTransposed(p, form_.gradient, form_.value_width, plan_.scores, plan_.second_sum);
            AddRowsTransposed(p, form_.q, form_.width, plan_.gradient, plan_.first_sum);
          });
        },
        "head");
    ScaleBlock(plan_.first_sum, form_.width, form_.scale);
    StoreColumns(place, plan_.first_sum, form_.width, form_.first_result);
    StoreColumns(place, plan_.second_sum, form_.value_width, form_.second_result);
  }
};

}  // namespace

void EmitAttentionKernel(llvm::Module& module, const Target& target, const Kernel& kernel) {
  KernelFrame frame(module, target, kernel);
  AttentionEmitter(frame).Emit();
  frame.Finish();
}

int64_t AttentionScratchBytes(const Kernel& kernel, const Target& target) {
  return PlanAttention(kernel, target.facts).scratch_bytes;
}

int64_t AttentionTiles(const Kernel& kernel, const Target& target) {
  return PlanAttention(kernel, target.facts).tiles;
}

}  // namespace descent
