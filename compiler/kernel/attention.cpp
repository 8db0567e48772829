#include "compiler/kernel/attention.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/kernel/schedule.h"
#include "ir/counts.h"
#include "ir/ops/attention.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

/// Rows of a register tile that pay.
constexpr int64_t kMaxRegisterM = 14;
constexpr int64_t kMinRows = 16, kMaxRows = 128;

/// The least extent of whole units that covers `extent` in as few equal pieces as `limit` allows.
int64_t Piece(int64_t extent, int64_t limit, int64_t unit) {
  const int64_t pieces = CeilDiv(extent, limit);
  return CeilDiv(CeilDiv(extent, pieces), unit) * unit;
}

/// Pairs of a query and a key that it sees.
int64_t Pairs(const AttentionForm& form) {
  if (!form.causal) return form.queries * form.keys;
  const int64_t rising = std::min(form.queries, form.keys);
  return rising * (rising + 1) / 2 + (form.queries - rising) * form.keys;
}

int64_t FlopsOf(const AttentionForm& form) {
  const int64_t products = form.sweep == AttentionSweep::kForward ? form.width + form.value_width
                           : form.sweep == AttentionSweep::kQueryGradient
                               ? 2 * form.width + form.value_width
                               : 2 * (form.width + form.value_width);
  constexpr int64_t kPerScore = 4;  // maximum or difference, exponential, sum or product
  return form.heads * Pairs(form) * (2 * products + kPerScore);
}

AttentionForm FormOf(const OpContext& op, AttentionSweep sweep) {
  const Shape &q = op.shape(0), &k = op.shape(1), &v = op.shape(2);
  const size_t head_axis = q.size() - 3;
  const int64_t batch = ElementsOf(q, 0, static_cast<int>(head_axis));
  return {.sweep = sweep,
          .heads = batch * q[head_axis],
          .group = q[head_axis] / k[head_axis],
          .queries = q[head_axis + 1],
          .keys = k[head_axis + 1],
          .width = q.back(),
          .value_width = v.back(),
          .causal = op.attributes.Bool("causal"),
          .scale = AttentionScale(op)};
}

/// Strides of a mask that broadcasts to [..., heads, queries, keys].
void SetMask(const OpContext& op, const Shape& mask, AttentionForm& form) {
  const Shape& q = op.shape(0);
  const std::vector<int64_t> strides = RowMajorStrides(mask);
  const size_t missing = q.size() - mask.size();
  for (size_t i = 0; i < mask.size(); ++i) {
    const size_t axis = missing + i;
    const int64_t stride = mask[i] == 1 ? 0 : strides[i];
    if (axis + 1 == q.size()) {
      form.mask_key_stride = stride;
    } else if (axis + 2 == q.size()) {
      form.mask_query_stride = stride;
    } else if (stride != 0) {
      const int64_t inner =
          ElementsOf(q, static_cast<int>(axis) + 1, static_cast<int>(q.size()) - 2);
      form.mask_axes.push_back({inner, q[axis], stride});
    }
  }
}

class KernelMaker {
 public:
  KernelMaker(const OpContext& op, AttentionSweep sweep) : op_(op) {
    made_.kernel.form = FormOf(op, sweep);
    made_.kernel.flops = FlopsOf(form());
    made_.kernel.stages.resize(1);
  }

  AttentionForm& form() { return made_.kernel.as<AttentionForm>(); }

  int Add(int tensor, const TensorType& type, bool written = false) {
    if (tensor < 0) return -1;
    made_.kernel.parameters.push_back({type, written});
    made_.tensors.push_back(tensor);
    return static_cast<int>(made_.tensors.size()) - 1;
  }

  void AddOperands(const std::vector<int>& operands, int mask) {
    int* const places[] = {&form().q,   &form().k,        &form().v,
                           &form().lse, &form().gradient, &form().delta};
    for (int i = 0; i < mask; ++i) *places[i] = Add(operands[i], op_.operands[i]);
    if (static_cast<int>(operands.size()) <= mask) return;
    form().mask = Add(operands[mask], op_.operands[mask]);
    SetMask(op_, op_.shape(mask), form());
  }

  AttentionKernel Take() { return std::move(made_); }

 private:
  const OpContext& op_;
  AttentionKernel made_;
};

}  // namespace

AttentionKernel MakeAttention(const OpContext& op, const std::vector<int>& operands,
                              const std::vector<int>& results) {
  KernelMaker maker(op, AttentionSweep::kForward);
  maker.AddOperands(operands, 3);
  TensorType out = op.operands[0], row = op.operands[0];
  out.shape.back() = op.shape(2).back();
  row.shape.pop_back();
  maker.form().first_result = maker.Add(results[0], out, true);
  maker.form().second_result = maker.Add(results[1], row, true);
  return maker.Take();
}

AttentionKernel MakeAttentionGradient(const OpContext& op, AttentionSweep sweep,
                                      const std::vector<int>& operands,
                                      const std::vector<int>& results) {
  KernelMaker maker(op, sweep);
  maker.AddOperands(operands, 6);
  const bool of_queries = sweep == AttentionSweep::kQueryGradient;
  maker.form().first_result = maker.Add(results[0], op.operands[of_queries ? 0 : 1], true);
  if (!of_queries) maker.form().second_result = maker.Add(results[1], op.operands[2], true);
  return maker.Take();
}

AttentionPlan PlanAttention(const Kernel& kernel, const TargetFacts& facts) {
  const AttentionForm& form = kernel.as<AttentionForm>();
  const bool forward = form.sweep == AttentionSweep::kForward;
  const bool keys_on_lanes = form.sweep == AttentionSweep::kKeyGradient;
  AttentionPlan plan{.dtype = kernel.parameters[form.q].type.dtype};
  const int64_t bytes = Info(plan.dtype).bytes;
  plan.lanes = facts.vector_bytes / bytes;
  plan.column_extent = keys_on_lanes ? form.keys : form.queries;
  plan.row_extent = keys_on_lanes ? form.queries : form.keys;

  const int64_t vectors = facts.vector_registers >= 32 ? 4 : 2;
  plan.columns = Piece(plan.column_extent, vectors * plan.lanes, plan.lanes);
  plan.register_n = plan.columns;
  const int64_t used = plan.columns / plan.lanes;
  plan.register_m = std::min(kMaxRegisterM, (facts.vector_registers - 1 - used) / used);
  // A block of scores takes half of the first-level cache.
  const int64_t most = std::clamp(facts.l1_bytes / (2 * plan.columns * bytes), kMinRows, kMaxRows);
  plan.rows = Piece(plan.row_extent, most, 1);
  plan.tiles_per_head = CeilDiv(plan.column_extent, plan.columns);
  plan.tiles = (keys_on_lanes ? form.heads / form.group : form.heads) * plan.tiles_per_head;

  const auto place = [&](int64_t length) {
    const int64_t offset = plan.scratch_bytes;
    plan.scratch_bytes += Aligned(length * plan.columns * bytes);
    return offset;
  };
  plan.first = place(form.width);
  plan.second = forward ? 0 : place(form.value_width);
  plan.scores = place(plan.rows);
  plan.gradient = forward ? 0 : place(plan.rows);
  plan.first_sum = place(forward ? form.value_width : form.width);
  plan.second_sum = keys_on_lanes ? place(form.value_width) : 0;
  plan.row_a = place(1);
  plan.row_b = place(1);
  plan.row_c = place(1);
  return plan;
}

void ScheduleAttention(Kernel& kernel, const TargetFacts& facts) {
  const AttentionPlan plan = PlanAttention(kernel, facts);
  kernel.schedule.register_m = plan.register_m;
  kernel.schedule.register_n = plan.register_n;
  kernel.schedule.block_m = plan.rows;
  kernel.schedule.block_n = plan.columns;
  kernel.schedule.tiles = plan.tiles;
  kernel.schedule.parallel = plan.tiles > 1 && kernel.flops >= facts.dispatch_work;
  kernel.scratch_bytes = plan.scratch_bytes;
}

std::string PrintForm(const Kernel& kernel, const AttentionForm& form) {
  static constexpr std::string_view kSweeps[] = {"forward", "gradient of queries",
                                                 "gradient of keys and values"};
  const bool keys_on_lanes = form.sweep == AttentionSweep::kKeyGradient;
  std::string text = fmt::format(
      "  {}: {} heads in groups of {}, {} queries x {} keys, width {}, of values {}, scale {}{}\n",
      kSweeps[static_cast<int>(form.sweep)], form.heads, form.group, form.queries, form.keys,
      form.width, form.value_width, form.scale, form.causal ? ", causal" : "");
  if (form.mask >= 0) {
    text += fmt::format("  mask p{}", form.mask);
    for (const MaskAxis& axis : form.mask_axes)
      text += fmt::format(" + head / {} mod {} * {}", axis.inner, axis.extent, axis.stride);
    text += fmt::format(" + query * {} + key * {}\n", form.mask_query_stride, form.mask_key_stride);
  }
  if (kernel.schedule.block_n > 0)
    text += fmt::format("  {} on the lanes by {}, {} in blocks of {}; register tile {}x{}\n",
                        keys_on_lanes ? "keys" : "queries", kernel.schedule.block_n,
                        keys_on_lanes ? "queries" : "keys", kernel.schedule.block_m,
                        kernel.schedule.register_m, kernel.schedule.register_n);
  return text;
}

}  // namespace descent
