// Losses of one class among several: -sum over classes of target * log p, per row.
//
// A row is what the prediction holds along its axis of classes. With class numbers as the target,
// weights and `ignore_index` also decide what the mean divides by.

#include <array>
#include <limits>
#include <numeric>

#include "ir/ops/losses.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Operands = std::span<const Value>;

/// The default of ignore_index: no class number.
constexpr int64_t kNothingIgnored = std::numeric_limits<int64_t>::min();

// ---- shapes ------------------------------------------------------------------------------------

bool HasClassNumbers(const OpContext& op) { return Info(op.dtype(1)).is_integer; }
bool HasWeights(const OpContext& op) { return op.operands.size() > 2; }

/// PyTorch's rule: axis 1, of a single row axis 0.
Result<int> FindClassAxis(const OpContext& op) {
  const int64_t axis = op.attributes.Int("axis");
  const int rank = op.operands[0].rank();
  if (rank == 0)
    return Error("the prediction needs an axis of classes, not {}", ToString(op.operands[0]));
  return NormalAxis(rank == 1 && axis == 1 ? 0 : axis, rank);
}

int ClassAxis(const OpContext& op) { return FindClassAxis(op).value(); }
int64_t ClassCount(const OpContext& op) { return op.shape(0)[ClassAxis(op)]; }

Shape RowsShape(const OpContext& op) {
  Shape shape = op.shape(0);
  shape.erase(shape.begin() + ClassAxis(op));
  return shape;
}

/// Extents 1 but for the axis of classes.
Shape ClassesShape(const OpContext& op) {
  Shape shape(op.shape(0).size(), 1);
  shape[ClassAxis(op)] = ClassCount(op);
  return shape;
}

/// Whether a class number of this type can be `ignore_index`.
bool MayIgnore(const OpContext& op) {
  const int64_t ignored = op.attributes.Int("ignore_index");
  if (!HasClassNumbers(op) || ignored == kNothingIgnored) return false;
  const Tensor number = Tensor::FromInts({op.dtype(1), {}}, {{ignored}});
  return number.GetInt(0) == ignored;
}

Result<std::vector<TensorType>> InferNll(const OpContext& op) {
  DESCENT_TRY(axis, FindClassAxis(op));
  if (op.shape(0)[axis] == 0)
    return Error("the prediction {} has no classes along axis {}", ToString(op.operands[0]), axis);
  if (HasClassNumbers(op) && op.shape(1) != RowsShape(op))
    return Error(
        "class numbers {} must have shape {}, that of the prediction {} without its axis {}",
        ToString(op.shape(1)), ToString(RowsShape(op)), ToString(op.shape(0)), axis);
  if (!HasClassNumbers(op) && op.operands[1] != op.operands[0])
    return Error("target {} must be integer class numbers or have the prediction's type {}",
                 ToString(op.operands[1]), ToString(op.operands[0]));
  if (HasWeights(op) && op.shape(2) != Shape{op.shape(0)[axis]})
    return Error("class weights {} must be one for each of the {} classes", ToString(op.shape(2)),
                 op.shape(0)[axis]);
  return ReducedType(op, RowsShape(op));
}

Result<std::vector<TensorType>> InferCrossEntropy(const OpContext& op) {
  const double smoothing = op.attributes.Float("label_smoothing");
  if (!(smoothing >= 0 && smoothing <= 1))
    return Error("label_smoothing must be between 0 and 1, not {}", smoothing);
  if (!HasClassNumbers(op) && op.attributes.Int("ignore_index") >= 0)
    return Error("ignore_index {} needs class numbers as the target, not {}",
                 op.attributes.Int("ignore_index"), ToString(op.operands[1]));
  return InferNll(op);
}

int64_t ClassLimit(const OpContext& op, int operand) {
  return operand == 1 && HasClassNumbers(op) ? ClassCount(op) : 0;
}

// ---- the loss ----------------------------------------------------------------------------------

/// The target of one occurrence, as expressions with an axis of classes unless they are per row.
class Target {
 public:
  Target(GraphBuilder& b, const OpContext& op, Operands operands)
      : op_(op), target_(b, operands[1]) {
    if (HasWeights(op)) weights_ = Reshape(Expr(b, operands[2]), ClassesShape(op));
    if (!HasClassNumbers(op)) return;
    Expr numbers = target_;
    if (MayIgnore(op)) {
      const int64_t ignored = op.attributes.Int("ignore_index");
      counts_ =
          NotEqual(numbers, {b, b.Constant(Tensor::FromInts({numbers.dtype(), {}}, {{ignored}}))});
      numbers = Where(*counts_, numbers, 0.0);
    }
    numbers_ = numbers;
  }

  /// weight * x summed over classes with the smoothed target as the distribution.
  Expr Expectation(Expr x) const {
    Expr chosen = numbers_ ? Where(OneHot(DType::kBool), x, 0.0) : target_ * x;
    if (smoothing() > 0) chosen = chosen * (1 - smoothing()) + x * (smoothing() / classes());
    return Counted(Sum(weights_ ? chosen * *weights_ : chosen, {ClassAxis(op_)}));
  }

  /// The smoothed target, without weights.
  Expr Distribution() const {
    const Expr target = numbers_ ? OneHot(op_.dtype(0)) : target_;
    return smoothing() > 0 ? target * (1 - smoothing()) + smoothing() / classes() : target;
  }
  Expr Weighted(Expr x) const { return weights_ ? x * *weights_ : x; }

  /// Sums to 1 over classes in every row that counts.
  bool IsNormalized() const { return numbers_.has_value() && !weights_; }

  /// Per row or with an axis of classes: 0 where the row is ignored.
  Expr Counted(Expr x) const {
    if (!counts_) return x;
    return Where(x.rank() == counts_->rank() ? *counts_ : Unsqueeze(*counts_, ClassAxis(op_)), x,
                 0.0);
  }

  /// What each row counts in the mean; nothing where every row counts 1.
  std::optional<Expr> RowWeights() const {
    if (!numbers_ || (!weights_ && !counts_)) return std::nullopt;
    if (!weights_) return CastTo(*counts_, op_.dtype(0));
    return Counted(Sum(Where(OneHot(DType::kBool), *weights_, 0.0), {ClassAxis(op_)}));
  }

  /// The class of the row, as a distribution; the row counts or is 0.
  Expr Class() const { return Counted(OneHot(op_.dtype(0))); }

 private:
  /// 1 at the row's class number; reports one that is out of range.
  Expr OneHot(DType dtype) const {
    GraphBuilder& b = numbers_->builder();
    const Expr last(b,
                    b.Add("one_hot", {*numbers_}, {{"depth", ClassCount(op_)}, {"dtype", dtype}}));
    std::vector<int64_t> axes(numbers_->rank());
    std::iota(axes.begin(), axes.end(), 0);
    axes.insert(axes.begin() + ClassAxis(op_), numbers_->rank());
    return Transpose(last, axes);
  }
  double smoothing() const {
    const Attribute* smoothing = op_.attributes.Find("label_smoothing");
    return smoothing == nullptr ? 0 : std::get<double>(*smoothing);
  }
  double classes() const { return static_cast<double>(ClassCount(op_)); }

  const OpContext& op_;
  Expr target_;
  std::optional<Expr> weights_;  ///< with the shape of ClassesShape
  std::optional<Expr> counts_;   ///< per row: it is not ignored
  std::optional<Expr> numbers_;  ///< class numbers, 0 where ignored
};

/// Logarithms of the probabilities that a prediction states, and the gradient per row's term for a
/// weighted target distribution.
using LogProbability = Expr (*)(const OpContext&, Expr prediction);
using Slope = Expr (*)(const OpContext&, Expr prediction, const Target&);

template <LogProbability kLog>
Values ExpandClassLoss(GraphBuilder& b, const OpContext& op, Operands x) {
  const Target target(b, op, x);
  const Expr terms = -target.Expectation(kLog(op, {b, x[0]}));
  const auto weights = target.RowWeights();
  if (IsMean(op) && weights) return {Sum(terms) / Sum(*weights)};
  return {Reduced(terms, op.attributes)};
}

template <LogProbability kLog, Slope kSlope>
Values VjpClassLoss(const VjpContext& v) {
  const Target target(v.b, v.op, v.operands);
  const Expr prediction = Operand(v, 0);
  const auto row_weights = target.RowWeights();
  const bool weighted_mean = IsMean(v.op) && row_weights;
  const Expr g =
      weighted_mean ? Gradient(v) / Sum(*row_weights) : TermGradient(v, Elements(RowsShape(v.op)));
  const Expr row = g.rank() == 0 ? g : Unsqueeze(g, ClassAxis(v.op));
  Values gradients(v.operands.size());
  if (v.wanted[0]) gradients[0] = target.Counted(row * kSlope(v.op, prediction, target));
  if (!HasClassNumbers(v.op) && v.wanted[1]) {
    const double kept = 1 - v.op.attributes.Float("label_smoothing");
    gradients[1] = -(row * target.Weighted(kLog(v.op, prediction))) * kept;
  }
  if (HasWeights(v.op) && v.wanted[2]) {
    Expr slope = -target.Counted(target.Distribution() * kLog(v.op, prediction));
    if (weighted_mean) slope = slope - ResultOf(v) * target.Class();
    std::vector<int64_t> rows(v.op.operands[0].rank());
    std::iota(rows.begin(), rows.end(), 0);
    rows.erase(rows.begin() + ClassAxis(v.op));
    gradients[2] = rows.empty() ? row * slope : Sum(row * slope, rows);
  }
  return gradients;
}

/// Weighted means divide by the weights of valid rows.
Values MaskedClassLoss(const MaskContext& m, std::string_view op) {
  const int axis = ClassAxis(m.op);
  const auto behind_classes = [&](int batch_axis) {
    if (batch_axis == axis) return kMixedRows;
    return batch_axis > axis ? batch_axis - 1 : batch_axis;
  };
  std::vector<int> axes = {behind_classes(m.batch_axes[0]), HasClassNumbers(m.op)
                                                                ? m.batch_axes[1]
                                                                : behind_classes(m.batch_axes[1])};
  if (HasWeights(m.op)) axes.push_back(m.batch_axes[2] < 0 ? kNoRows : kMixedRows);
  const auto weights = Target(m.b, m.op, m.operands).RowWeights();
  if (!IsMean(m.op) || !weights || RowAxisOf(axes) == kMixedRows) return MaskedLoss(m, op, axes);
  const Expr valid = RowMask(m.b, weights->shape(), RowAxisOf(axes), m.valid_rows);
  return {Sum(ValidTerms(m, op, RowAxisOf(axes))) / Sum(Where(valid, *weights, 0.0))};
}

// ---- predictions -------------------------------------------------------------------------------

Expr OverClasses(std::string_view name, const OpContext& op, Expr x) {
  const bool last = ClassAxis(op) + 1 == x.rank();
  return {x.builder(), x.builder().Add(name, {x}, {{"axis", int64_t{last ? -1 : ClassAxis(op)}}})};
}

Expr LogOfLogits(const OpContext& op, Expr z) { return OverClasses("log_softmax", op, z); }

Expr SlopeOfLogits(const OpContext& op, Expr z, const Target& target) {
  const Expr softmax = OverClasses("softmax", op, z);
  const Expr share = target.Weighted(target.Distribution());
  if (target.IsNormalized()) return softmax - share;
  return softmax * Sum(share, {ClassAxis(op)}, true) - share;
}

Expr LogOfLogs(const OpContext&, Expr log_p) { return log_p; }

Expr SlopeOfLogs(const OpContext&, Expr, const Target& target) {
  return -target.Weighted(target.Distribution());
}

Expr LogOfProbabilities(const OpContext&, Expr p) { return ClampedLog(p); }

Expr SlopeOfProbabilities(const OpContext&, Expr p, const Target& target) {
  return -(target.Weighted(target.Distribution()) / Maximum(p, kSmallestDenominator));
}

Signature ClassSignature(std::string_view prediction, DTypeClass target, bool smoothing) {
  Signature signature{
      .operands = {{prediction, DTypeClass::kFloat},
                   {"target", target, -1},
                   {.name = "weight", .dtypes = DTypeClass::kFloat, .optional = true}},
      .attributes = {ReductionAttribute(),
                     {"axis", AttributeKind::kInt, Attribute(int64_t{1}),
                      "axis of classes, negative ones count from the end; 1 is also the only axis "
                      "of a single row"},
                     {"ignore_index", AttributeKind::kInt, Attribute(kNothingIgnored),
                      "class number of rows that are left out; by default none, where PyTorch "
                      "has -100"}}};
  if (smoothing)
    signature.attributes.push_back({"label_smoothing", AttributeKind::kFloat, Attribute(0.0),
                                    "share of the target that is spread over all classes"});
  return signature;
}

}  // namespace

std::span<const OpDef> ClassLosses() {
  static const std::array kOps = {
      OpDef{.name = "cross_entropy",
            .doc = "Cross entropy of softmax(z), computed of z.\n\n`-sum_j w_j y_j log "
                   "softmax(z)_j` per row along the axis of classes, natural logarithm. The "
                   "target is a class number per row (integers; [batch, ...] for a prediction "
                   "[batch, classes, ...]) or a distribution per row (the type of z). The "
                   "`weight` of each class, [classes], is 1 if left out. `label_smoothing` s "
                   "turns y into `(1 - s) y + s / classes` (Szegedy et al., Rethinking the "
                   "Inception architecture, 2016). The mean divides by the number of rows; with "
                   "class numbers, by the sum of the weights of their classes. Rows whose class "
                   "number is `ignore_index` are left out, of the mean, too. Any other class "
                   "number that is out of range counts as 0 and is reported. A logit of -infinity "
                   "leaves its class out where the target is another class number. With a "
                   "distribution the loss is NaN, as the 0 of that class meets its infinite "
                   "logarithm, and with `label_smoothing` it is infinity; both are what PyTorch "
                   "gives (torch.nn.functional.cross_entropy), and the gradients are finite: "
                   "mask by a large number such as -1e9 there. Gradient: `g * "
                   "(softmax(z) * sum(w y) - w y)`, divided by what the mean divides by.",
            .example = "cross_entropy([[1, 2, 3], [0, 5, 0]], i64 [2, 1]) = 0.21050",
            .signature = ClassSignature("logits", DTypeClass::kNumeric, true),
            .infer = InferCrossEntropy,
            .expand = ExpandClassLoss<LogOfLogits>,
            .index_limit = ClassLimit,
            .vjp = VjpClassLoss<LogOfLogits, SlopeOfLogits>,
            .mask_rows = [](const MaskContext& m) { return MaskedClassLoss(m, "cross_entropy"); }},
      OpDef{.name = "cross_entropy_probabilities",
            .doc = "Cross entropy of probabilities.\n\n`-sum_j w_j y_j log p_j` per row along the "
                   "axis of classes, logarithms not below -100 as in PyTorch's "
                   "binary_cross_entropy; targets, weights and means as for cross_entropy. "
                   "Gradient: `-g * w y / max(p, 1e-12)`.",
            .example = "cross_entropy_probabilities([[0.1, 0.9]], i64 [1]) = 0.10536",
            .signature = ClassSignature("probabilities", DTypeClass::kNumeric, true),
            .infer = InferCrossEntropy,
            .expand = ExpandClassLoss<LogOfProbabilities>,
            .index_limit = ClassLimit,
            .vjp = VjpClassLoss<LogOfProbabilities, SlopeOfProbabilities>,
            .mask_rows =
                [](const MaskContext& m) {
                  return MaskedClassLoss(m, "cross_entropy_probabilities");
                }},
      OpDef{.name = "nll",
            .doc = "Negative log likelihood of classes.\n\n`-w_y x_y` per row along the axis of "
                   "classes, x the logarithms of probabilities and y the row's class number: "
                   "cross_entropy behind log_softmax (torch.nn.functional.nll_loss). Weights, "
                   "ignored rows and means as for cross_entropy. Gradient: `-g * w_y` at the "
                   "class, 0 elsewhere.",
            .example = "nll([[-1, -2], [-3, -0.5]], i64 [1, 0], reduction=none) = [2, 3]",
            .signature = ClassSignature("log_probabilities", DTypeClass::kInteger, false),
            .infer = InferNll,
            .expand = ExpandClassLoss<LogOfLogs>,
            .index_limit = ClassLimit,
            .vjp = VjpClassLoss<LogOfLogs, SlopeOfLogs>,
            .mask_rows = [](const MaskContext& m) { return MaskedClassLoss(m, "nll"); }},
  };
  return kOps;
}

}  // namespace descent
