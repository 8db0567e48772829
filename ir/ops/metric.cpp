// Metrics: sums over rows in f64, added up over a whole pass, and what is shown of them.
//
// `expand` gives the sums of one call as an f64 tensor, `finish` the values of the added sums. Each
// metric states its terms per element or row; sums leave out padded rows.

#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/losses.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Terms = std::vector<Expr>;
using Operands = std::span<const Value>;

constexpr std::string_view kNoGradient = "metrics are counted, not trained on";

Expr AsDouble(Expr x) { return CastTo(x, DType::kF64); }
Expr Entry(Expr sums, int i) { return Reshape(SliceAxis(sums, 0, i, i + 1), {}); }

/// a / b, and 0 where b is 0.
Expr Ratio(Expr a, Expr b) { return Where(Equal(b, 0.0), 0.0, a / b); }

Expr Stack(const Terms& scalars) {
  Terms parts;
  for (const Expr& scalar : scalars) parts.push_back(Reshape(scalar, {1}));
  return parts.size() == 1 ? parts[0] : Concat(parts, 0);
}

using TermsFunction = Terms (*)(GraphBuilder&, const OpContext&, Operands);

template <TermsFunction kTerms>
Values ExpandSums(GraphBuilder& b, const OpContext& op, Operands operands) {
  Terms sums;
  for (const Expr& term : kTerms(b, op, operands)) sums.push_back(Sum(term));
  return {Stack(sums)};
}

/// Axis of the rows of prediction and target, of `rank` axes without that of classes.
int RowAxis(const MaskContext& m, int rank) {
  std::vector<int> axes;
  for (const int axis : m.batch_axes) axes.push_back(axis < rank ? axis : kMixedRows);
  return RowAxisOf(axes);
}

template <TermsFunction kTerms>
Values MaskedSums(const MaskContext& m) {
  const Terms terms = kTerms(m.b, m.op, m.operands);
  const int axis = RowAxis(m, terms[0].rank());
  if (axis == kMixedRows) return {};
  Terms sums;
  for (const Expr& term : terms)
    sums.push_back(Sum(Where(RowMask(m.b, term.shape(), axis, m.valid_rows), term, 0.0)));
  return {Stack(sums)};
}

Result<std::vector<TensorType>> Sums(int64_t count) {
  return std::vector<TensorType>{{DType::kF64, {count}}};
}

/// The quotient of two sums.
Values FinishRatio(GraphBuilder& b, const OpContext&, Value sums) {
  return {Ratio(Entry({b, sums}, 0), Entry({b, sums}, 1))};
}

// ---- the loss ----------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferLossMean(const OpContext& op) {
  if (op.operands[0].rank() != 0)
    return Error("the loss must be a scalar, not {}", ToString(op.operands[0]));
  return Sums(2);
}

Values ExpandLossMean(GraphBuilder& b, const OpContext&, Operands x) {
  const Expr rows = AsDouble({b, b.Add("valid_rows", {})});
  return {Stack({AsDouble({b, x[0]}) * rows, rows})};
}

// ---- classes -----------------------------------------------------------------------------------

bool HasClassNumbers(const OpContext& op) { return Info(op.dtype(1)).is_integer; }

Result<void> CheckClasses(const OpContext& op) {
  if (op.operands[0].rank() < 1 || op.shape(0).back() < 2)
    return Error(
        "the prediction needs at least two classes along its last axis, not {}; one probability "
        "has "
        "binary_accuracy, precision and recall",
        ToString(op.operands[0]));
  const Shape rows(op.shape(0).begin(), op.shape(0).end() - 1);
  if (op.shape(1) != (HasClassNumbers(op) ? rows : op.shape(0)))
    return Error(
        "the target of a prediction {} must be class numbers {} or a distribution {}, "
        "not {}",
        ToString(op.shape(0)), ToString(rows), ToString(op.shape(0)), ToString(op.operands[1]));
  return {};
}

Result<std::vector<TensorType>> InferAccuracy(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckClasses(op));
  return Sums(2);
}

Expr ClassOf(const OpContext& op, Expr target) {
  return HasClassNumbers(op) ? CastTo(target, DType::kI64) : ArgMax(target, -1);
}

Expr Ones(Expr like) { return Filled(like.builder(), like.shape(), DType::kF64, 1); }

Terms AccuracyTerms(GraphBuilder& b, const OpContext& op, Operands x) {
  const Expr correct = AsDouble(Equal(ArgMax({b, x[0]}, -1), ClassOf(op, {b, x[1]})));
  return {correct, Ones(correct)};
}

int64_t ClassLimit(const OpContext& op, int operand) {
  return operand == 1 && HasClassNumbers(op) ? op.shape(0).back() : 0;
}

Result<std::vector<TensorType>> InferConfusion(const OpContext& op) {
  DESCENT_RETURN_IF_ERROR(CheckClasses(op));
  return OneResult(DType::kF64, {op.shape(0).back(), op.shape(0).back()});
}

/// One-hot rows [rows, classes] of targets and predictions; their product counts the pairs.
Values Confusion(GraphBuilder& b, const OpContext& op, Operands x, const Expr* mask) {
  const int64_t classes = op.shape(0).back();
  const Shape flat = {ElementsOf(op.shape(0), 0, op.operands[0].rank() - 1), classes};
  const auto one_hot = [&](Expr numbers) {
    Expr rows(b, b.Add("one_hot", {numbers}, {{"depth", classes}, {"dtype", DType::kF64}}));
    return rows;
  };
  Expr actual = one_hot(ClassOf(op, {b, x[1]}));
  if (mask != nullptr) actual = Where(*mask, actual, 0.0);
  const Expr predicted = one_hot(ArgMax({b, x[0]}, -1));
  return {Matmul(Reshape(actual, flat), Reshape(predicted, flat), true, false)};
}

Values ExpandConfusion(GraphBuilder& b, const OpContext& op, Operands x) {
  return Confusion(b, op, x, nullptr);
}

Values MaskedConfusion(const MaskContext& m) {
  const int axis = RowAxis(m, m.op.operands[0].rank() - 1);
  if (axis == kMixedRows) return {};
  const Expr mask = RowMask(m.b, m.op.shape(0), axis, m.valid_rows);
  return Confusion(m.b, m.op, m.operands, &mask);
}

// ---- two classes -------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferPairs(const OpContext& op, int64_t sums) {
  if (op.shape(0) != op.shape(1))
    return Error("prediction {} and target {} must have one shape", ToString(op.shape(0)),
                 ToString(op.shape(1)));
  return Sums(sums);
}

/// Whether prediction and target are positive.
struct Positives {
  Expr predicted, actual;
};

Positives PositivesOf(GraphBuilder& b, const OpContext& op, Operands x) {
  const double threshold = op.attributes.Float("threshold");
  return {Greater(AsDouble({b, x[0]}), threshold), Greater(AsDouble({b, x[1]}), 0.5)};
}

Terms BinaryAccuracyTerms(GraphBuilder& b, const OpContext& op, Operands x) {
  const auto [predicted, actual] = PositivesOf(b, op, x);
  const Expr correct = AsDouble(Equal(predicted, actual));
  return {correct, Ones(correct)};
}

Terms PrecisionTerms(GraphBuilder& b, const OpContext& op, Operands x) {
  const auto [predicted, actual] = PositivesOf(b, op, x);
  return {AsDouble(And(predicted, actual)), AsDouble(predicted)};
}

Terms RecallTerms(GraphBuilder& b, const OpContext& op, Operands x) {
  const auto [predicted, actual] = PositivesOf(b, op, x);
  return {AsDouble(And(predicted, actual)), AsDouble(actual)};
}

// ---- numbers -----------------------------------------------------------------------------------

Terms AbsoluteErrorTerms(GraphBuilder& b, const OpContext&, Operands x) {
  const Expr error = Abs(AsDouble({b, x[0]}) - AsDouble({b, x[1]}));
  return {error, Ones(error)};
}

Terms RSquaredTerms(GraphBuilder& b, const OpContext&, Operands x) {
  const Expr p = AsDouble({b, x[0]}), y = AsDouble({b, x[1]});
  return {Square(y - p), y, Square(y), Ones(y)};
}

Values FinishRSquared(GraphBuilder& b, const OpContext&, Value value) {
  const Expr sums(b, value);
  const Expr residual = Entry(sums, 0), y = Entry(sums, 1), squares = Entry(sums, 2);
  return {1.0 - Ratio(residual, squares - Ratio(Square(y), Entry(sums, 3)))};
}

// ---- rows of the table -------------------------------------------------------------------------

template <TermsFunction kTerms>
OpDef Metric(std::string_view name, std::string_view doc, std::string_view example,
             Signature signature, Result<std::vector<TensorType>> (*infer)(const OpContext&)) {
  return {.name = name,
          .doc = doc,
          .example = example,
          .signature = std::move(signature),
          .infer = infer,
          .expand = ExpandSums<kTerms>,
          .no_gradient = kNoGradient,
          .mask_rows = MaskedSums<kTerms>,
          .finish = FinishRatio};
}

Signature PairSignature(std::string_view prediction, std::vector<AttributeSpec> attributes = {}) {
  return {.operands = {{prediction, DTypeClass::kFloat}, {"target", DTypeClass::kNumeric, -1}},
          .attributes = std::move(attributes),
          .results = {"sums"}};
}

AttributeSpec Threshold() {
  return {"threshold", AttributeKind::kFloat, Attribute(0.5), "a prediction above it is positive"};
}

OpDef WithClassLimit(OpDef op) {
  op.index_limit = ClassLimit;
  return op;
}

}  // namespace

std::span<const OpDef> MetricOps() {
  constexpr auto kInferRatio = [](const OpContext& op) { return InferPairs(op, 2); };
  static const std::array kOps = {
      OpDef{.name = "loss_mean",
            .doc = "Mean loss over rows.\n\nSums: [loss of the call times its valid rows, valid "
                   "rows] (docs/ir.md, Tasks). Shown: their quotient, the mean over all rows where "
                   "the loss is a mean over rows.",
            .example = "loss_mean(0.5) = [2, 4] -> 0.5",
            .signature = {.operands = {{"loss", DTypeClass::kFloat}}, .results = {"sums"}},
            .infer = InferLossMean,
            .expand = ExpandLossMean,
            .no_gradient = kNoGradient,
            .finish = FinishRatio},
      WithClassLimit(Metric<AccuracyTerms>(
          "accuracy",
          "Share of rows whose largest prediction is the target.\n\n`y = (rows with argmax "
          "prediction = target) / rows`; these two are the sums (sklearn.metrics.accuracy_score). "
          "The prediction has classes along its last axis; the target is class numbers or a "
          "distribution.",
          "accuracy([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]], i64 [1, 0, 0, 0]) = [3, 4] "
          "-> 0.75",
          PairSignature("prediction"), InferAccuracy)),
      Metric<BinaryAccuracyTerms>(
          "binary_accuracy",
          "Share of elements on the right side of the threshold.\n\n`y = right / all`; these two "
          "are the sums (sklearn.metrics.accuracy_score of what exceeds the threshold). A target "
          "above 0.5 is positive.",
          "binary_accuracy([0.9, 0.2, 0.6, 0.1], [1, 0, 0, 0]) = [3, 4] -> 0.75",
          PairSignature("probability", {Threshold()}), kInferRatio),
      Metric<PrecisionTerms>(
          "precision",
          "Share of positives among the predicted positives.\n\n`y = tp / (tp + fp)` with tp true "
          "and fp false positives; 0 where none is predicted (sklearn.metrics.precision_score). "
          "Sums: [tp, tp + fp]. A target above 0.5 is positive.",
          "precision([0.9, 0.6, 0.2, 0.8, 0.7], [1, 0, 1, 1, 1]) = [3, 4] -> 0.75",
          PairSignature("probability", {Threshold()}), kInferRatio),
      Metric<RecallTerms>(
          "recall",
          "Share of predicted positives among the positives.\n\n`y = tp / (tp + fn)` with tp true "
          "positives and fn positives that are missed; 0 where there is none "
          "(sklearn.metrics.recall_score). Sums: [tp, tp + fn]. A target above 0.5 is positive.",
          "recall([0.9, 0.6, 0.2, 0.1], [1, 0, 1, 0]) = [1, 2] -> 0.5",
          PairSignature("probability", {Threshold()}), kInferRatio),
      OpDef{.name = "confusion_matrix",
            .doc = "Number of rows by actual class (row) and predicted class (column).\n\n`y[i, "
                   "j]` rows have target i and their largest prediction at j "
                   "(sklearn.metrics.confusion_matrix). The prediction has classes along its last "
                   "axis; the target is class numbers or a distribution.",
            .example = "confusion_matrix([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], i64 [1, 0, 0]) = "
                       "[[1, 1], [0, 1]] -> [[1, 1], [0, 1]]",
            .signature = PairSignature("prediction"),
            .infer = InferConfusion,
            .expand = ExpandConfusion,
            .index_limit = ClassLimit,
            .no_gradient = kNoGradient,
            .mask_rows = MaskedConfusion,
            .finish = [](GraphBuilder&, const OpContext&, Value sums) { return Values{sums}; }},
      Metric<AbsoluteErrorTerms>(
          "mean_absolute_error",
          "Mean absolute error.\n\n`y = sum |prediction - target| / count`; these two are the sums "
          "(sklearn.metrics.mean_absolute_error). The loss of that name is mae.",
          "mean_absolute_error([1, 2], [1, 5]) = [3, 2] -> 1.5", PairSignature("prediction"),
          kInferRatio),
      OpDef{.name = "r2",
            .doc = "Coefficient of determination.\n\n`1 - sum (y - p)^2 / sum (y - mean y)^2`, p "
                   "the prediction, y the target; 1 where the denominator is 0 "
                   "(sklearn.metrics.r2_score, which has 0 there for a prediction that is wrong). "
                   "Sums: [sum (y - p)^2, sum y, sum y^2, count].",
            .example = "r2([2, 2, 3, 3], [1, 2, 3, 4]) = [2, 10, 30, 4] -> 0.6",
            .signature = PairSignature("prediction"),
            .infer = [](const OpContext& op) { return InferPairs(op, 4); },
            .expand = ExpandSums<RSquaredTerms>,
            .no_gradient = kNoGradient,
            .mask_rows = MaskedSums<RSquaredTerms>,
            .finish = FinishRSquared},
  };
  return kOps;
}

}  // namespace descent
