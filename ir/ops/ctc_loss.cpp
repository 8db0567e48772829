// Connectionist temporal classification: the probability of a sequence of labels, summed over all
// ways to spread it over time.
//
// A path runs through 2 S + 1 places: the labels with a blank before, between and behind them. From
// a place it stays, goes to the next, or skips a blank between two different labels. In logarithms:
//
//   alpha_t(s) = log_p_t(label s) + log(sum of e^alpha_{t-1} over s, s - 1 and, if allowed, s - 2)
//
// from alpha_{-1} = 0 at place 0 and -infinity elsewhere, which makes t = 0 a step like all others.

#include <algorithm>
#include <array>
#include <limits>

#include "ir/ops/losses.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Operands = std::span<const Value>;

constexpr double kLogOfZero = -std::numeric_limits<double>::infinity();

int64_t BatchOf(const OpContext& op) { return op.shape(0)[1]; }
int64_t PlacesOf(const OpContext& op) { return 2 * op.shape(1)[1] + 1; }

Result<std::vector<TensorType>> InferCtc(const OpContext& op) {
  if (op.operands[0].rank() != 3)
    return Error("log_probabilities must be [time, batch, classes], not {}",
                 ToString(op.operands[0]));
  const int64_t batch = BatchOf(op), classes = op.shape(0)[2], blank = op.attributes.Int("blank");
  if (op.operands[1].rank() != 2 || op.shape(1)[0] != batch)
    return Error("targets must be [{}, labels], one row for each of the batch, not {}", batch,
                 ToString(op.operands[1]));
  for (int i = 2; i < 4; ++i)
    if (op.shape(i) != Shape{batch})
      return Error("{} must be [{}], one for each of the batch, not {}",
                   i == 2 ? "input_lengths" : "target_lengths", batch, ToString(op.operands[i]));
  if (blank < 0 || blank >= classes)
    return Error("blank must be one of the {} classes, not {}", classes, blank);
  const int64_t time = op.shape(0)[0], labels = op.shape(1)[1];
  for (const int64_t extent : {time, labels, classes})
    if (extent >= kMaxElements / 2) return Error("extent {} is too large", extent);
  if (!CheckedElements({std::max<int64_t>(1, time), batch, PlacesOf(op)}))
    return Error("{} steps of {} sequences with {} labels would have more than 2^40 elements", time,
                 batch, labels);
  return ReducedType(op, {batch});
}

/// Whole numbers as i64; one that is not in [0, limit) is reported and counts as 0.
Expr Checked(Expr numbers, int64_t limit) {
  GraphBuilder& b = numbers.builder();
  return {b, b.Add("gather", {Iota(b, {limit}, 0, DType::kI64), numbers})};
}

/// What the recursion needs of one call.
struct Alignment {
  Expr labels;          ///< i64 [batch, places]: class of each place, blank behind the target
  Expr skips;           ///< bool [batch, places]: may be reached from two places before
  Expr input_lengths;   ///< i64 [batch, 1]
  Expr target_lengths;  ///< i64 [batch, 1]
};

/// The place in the target of every second place of a path; blanks between.
Alignment AlignmentOf(GraphBuilder& b, const OpContext& op, Operands x) {
  const int64_t batch = BatchOf(op), count = op.shape(1)[1], places = PlacesOf(op);
  const Expr blank(b,
                   b.Constant(Tensor::FromInts({DType::kI64, {}}, {{op.attributes.Int("blank")}})));
  const Expr inputs = Unsqueeze(Checked({b, x[2]}, op.shape(0)[0] + 1), 1);
  const Expr lengths = Unsqueeze(Checked({b, x[3]}, count + 1), 1);
  const Expr position = Iota(b, {1, count}, 1, DType::kI64);
  const Expr target = Where(Less(position, lengths), CastTo({b, x[1]}, DType::kI64), blank);
  const Expr known = Unsqueeze(Checked(target, op.shape(0)[2]), 2);
  const Expr blanks = ExpandTo(blank, {batch, count, 1});
  const std::array pairs = {blanks, known};
  const std::array parts = {Reshape(Concat(pairs, 2), {batch, 2 * count}),
                            ExpandTo(blank, {batch, 1})};
  const Expr labels = Concat(parts, 1);
  const Expr nothing = ExpandTo(blank, {batch, std::min<int64_t>(2, places)});
  const std::array shifted = {nothing, SliceAxis(labels, 1, 0, std::max<int64_t>(0, places - 2))};
  const Expr before = Concat(shifted, 1);
  return {labels, And(NotEqual(labels, blank), NotEqual(labels, before)), inputs, lengths};
}

/// log_p of each place's label, [time, batch, places].
Expr Emissions(const OpContext& op, Expr log_p, Expr labels) {
  GraphBuilder& b = log_p.builder();
  const int64_t time = op.shape(0)[0], batch = BatchOf(op), classes = op.shape(0)[2];
  const Expr row = Iota(b, {batch, 1}, 0, DType::kI64) * static_cast<double>(classes);
  return {b, b.Add("gather", {Reshape(log_p, {time, batch * classes}), labels + row},
                   {{"axis", int64_t{1}}})};
}

/// log(e^a + e^b + ...), -infinity where all are; then the gradient is 0.
Expr LogSum(std::span<const Expr> terms) {
  Expr largest = terms[0];
  for (const Expr& term : terms.subspan(1)) largest = Maximum(largest, term);
  const Expr none = Equal(largest, kLogOfZero), shift = Where(none, 0.0, largest);
  Expr sum = Exp(terms[0] - shift);
  for (const Expr& term : terms.subspan(1)) sum = sum + Exp(term - shift);
  return Where(none, kLogOfZero, shift + Log(Where(none, 1.0, sum)));
}

/// alpha with `by` places of probability 0 before it.
Expr Delayed(Expr alpha, int64_t by) {
  const int64_t places = alpha.shape()[1];
  const Expr nothing = ExpandTo(alpha.Like(kLogOfZero), {alpha.shape()[0], std::min(by, places)});
  const std::array parts = {nothing, SliceAxis(alpha, 1, 0, std::max<int64_t>(0, places - by))};
  return Concat(parts, 1);
}

/// Carried alpha; sliced emissions; whole skips and input lengths.
std::shared_ptr<const Graph> StepOf(const TensorType& alpha_type) {
  GraphBuilder b;
  const Expr alpha(b, b.Input("alpha", alpha_type)), emission(b, b.Input("emission", alpha_type));
  const Expr skips(b, b.Input("skips", {DType::kBool, alpha_type.shape}));
  const Expr lengths(b, b.Input("input_lengths", {DType::kI64, {alpha_type.shape[0], 1}}));
  const std::array ways = {alpha, Delayed(alpha, 1),
                           Where(skips, Delayed(alpha, 2), alpha.Like(kLogOfZero))};
  const Expr next = LogSum(ways) + emission;
  b.Output("next", Where(Less({b, b.Add("loop_step", {})}, lengths), next, alpha));
  return std::make_shared<const Graph>(std::move(b).Build());
}

/// The loss of each sequence, [batch].
Expr CtcTerms(GraphBuilder& b, const OpContext& op, Operands x) {
  const Alignment alignment = AlignmentOf(b, op, x);
  const TensorType alpha_type{op.dtype(0), {BatchOf(op), PlacesOf(op)}};
  const Expr place = Iota(b, {1, PlacesOf(op)}, 1, DType::kI64);
  const Expr zero(b, b.Constant(Tensor::Scalar(op.dtype(0), 0)));
  const Expr first =
      ExpandTo(Where(Equal(place, 0.0), zero, zero.Like(kLogOfZero)), alpha_type.shape);
  const Expr alpha(
      b, b.AddMulti(
             "scan",
             {first, Emissions(op, {b, x[0]}, alignment.labels), alignment.skips,
              alignment.input_lengths},
             {{"body", StepOf(alpha_type)}, {"carried", int64_t{1}}, {"sliced", int64_t{1}}})[0]);
  const Expr end = alignment.target_lengths * 2.0;
  const auto at = [&](Expr wanted) {
    return Max(Where(Equal(place, wanted), alpha, alpha.Like(kLogOfZero)), {1});
  };
  const std::array ends = {at(end), at(end - 1.0)};
  const Expr loss = -LogSum(ends);
  if (!op.attributes.Bool("zero_infinity")) return loss;
  return Where(Equal(loss, -kLogOfZero), 0.0, loss);
}

/// What the mean divides each sequence's loss by: its labels, at least 1.
Expr LabelCounts(GraphBuilder& b, const OpContext& op, Operands x) {
  return CastTo(Maximum(Checked({b, x[3]}, op.shape(1)[1] + 1), 1.0), op.dtype(0));
}

Values ExpandCtc(GraphBuilder& b, const OpContext& op, Operands x) {
  const Expr terms = CtcTerms(b, op, x);
  return {Reduced(IsMean(op) ? terms / LabelCounts(b, op, x) : terms, op.attributes)};
}

Values MaskedCtc(const MaskContext& m) {
  std::vector<int> axes(m.batch_axes.begin(), m.batch_axes.end());
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] >= 0) axes[i] = axes[i] == (i == 0 ? 1 : 0) ? 0 : kMixedRows;
  const int row_axis = RowAxisOf(axes);
  if (row_axis == kMixedRows || m.op.attributes.String("reduction") == "none") return {};
  const Expr terms = ValidTerms(m, "ctc_loss", row_axis);
  if (!IsMean(m.op)) return {Sum(terms)};
  const Expr sum = Sum(terms / LabelCounts(m.b, m.op, m.operands));
  return {sum / ValidElements(m.b, terms.shape(), row_axis, m.valid_rows, m.op.dtype(0))};
}

}  // namespace

std::span<const OpDef> CtcLosses() {
  constexpr auto kInteger = DTypeClass::kInteger;
  static const std::array kOps = {
      OpDef{
          .name = "ctc_loss",
          .doc = "Connectionist temporal classification.\n\nThe negative logarithm of a label "
                 "sequence's probability, summed over all ways to spread it over time, with "
                 "repeated labels and `blank` between (Graves et al., Connectionist temporal "
                 "classification, 2006, sections 3 and 4). log_probabilities are [time, batch, "
                 "classes], targets [batch, labels]; of each sequence the first `input_lengths` "
                 "steps and `target_lengths` labels count, what stands behind them has no "
                 "influence. Forward probabilities are summed in logarithms by a scan over time. "
                 "The mean divides each loss by the number of its labels, at least 1, then by the "
                 "batch. A sequence that does not fit its steps has an infinite loss, or 0 with "
                 "`zero_infinity`. A length that is out of range counts as 0, a label as class 0; "
                 "both are reported. Gradient: `-g` times the probability that a step "
                 "emits a class, given the target; 0 of an infinite loss. PyTorch's own adds "
                 "`e^log_p` to it, which log_softmax cancels: behind log_softmax they are equal.",
          .example = "ctc_loss([[[-0.5, -1]], [[-1, -0.5]]], i64 [[1]], i64 [2], i64 [1]) = 0.3197",
          .signature = {.operands = {{"log_probabilities", DTypeClass::kFloat},
                                     {"targets", kInteger, -1},
                                     {"input_lengths", kInteger, -1},
                                     {"target_lengths", kInteger, -1}},
                        .attributes = {ReductionAttribute(),
                                       {"blank", AttributeKind::kInt, Attribute(int64_t{0}),
                                        "class that stands for no label"},
                                       {"zero_infinity", AttributeKind::kBool, Attribute(false),
                                        "whether infinite losses count as 0"}}},
          .infer = InferCtc,
          .expand = ExpandCtc,
          .index_limit = [](const OpContext& op, int operand) -> int64_t {
            if (operand == 2) return op.shape(0)[0] + 1;
            return operand == 3 ? op.shape(1)[1] + 1 : 0;  // what stands behind a target is free
          },
          .mask_rows = MaskedCtc},
  };
  return kOps;
}

}  // namespace descent
