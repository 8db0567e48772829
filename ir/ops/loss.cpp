// Losses. Each gives one number per element or row ("terms"), then their mean, sum, or all of them.

#include <array>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Operands = std::span<const Value>;

// ---- reduction of terms ------------------------------------------------------------------------

AttributeSpec ReductionAttribute() {
  return {"reduction",
          AttributeKind::kString,
          Attribute(std::string("mean")),
          "what is made of the terms",
          {"mean", "sum", "none"}};
}

Expr Reduced(Expr terms, const Attributes& attributes) {
  const std::string& reduction = attributes.String("reduction");
  if (reduction == "none") return terms;
  return reduction == "sum" ? Sum(terms) : Mean(terms);
}

Result<std::vector<TensorType>> ReducedType(const OpContext& op, Shape terms) {
  return OneResult(op.dtype(0),
                   op.attributes.String("reduction") == "none" ? std::move(terms) : Shape{});
}

/// The arriving gradient per term: of a mean, divided by the number of terms.
Expr TermGradient(const VjpContext& v, int64_t terms) {
  const Expr g = Gradient(v);
  if (v.op.attributes.String("reduction") != "mean") return g;
  return g / static_cast<double>(terms);
}

/// The loss over rows that are not padding, of the operator's own terms.
Values MaskedLoss(const MaskContext& m, std::string_view op) {
  Attributes attributes = m.op.attributes;
  attributes.Set("reduction", std::string("none"));
  const Expr terms(m.b, m.b.Add(op, {m.operands.begin(), m.operands.end()}, attributes));
  const Shape shape = terms.shape();
  const int axis = m.batch_axes[0] >= 0 ? m.batch_axes[0] : m.batch_axes[1];
  const Expr sum = Sum(Where(RowMask(m.b, shape, axis, m.valid_rows), terms, 0.0));
  if (m.op.attributes.String("reduction") == "sum") return {sum};
  return {sum / ValidElements(m.b, shape, axis, m.valid_rows, m.op.dtype(0))};
}

// ---- losses of numbers -------------------------------------------------------------------------

Signature NumberSignature(std::string_view prediction) {
  return {.operands = {{prediction, DTypeClass::kFloat}, {"target", DTypeClass::kFloat}},
          .attributes = {ReductionAttribute()}};
}

Result<std::vector<TensorType>> InferNumberLoss(const OpContext& op) {
  if (op.shape(0) != op.shape(1))
    return Error("prediction {} and target {} must have one shape", ToString(op.shape(0)),
                 ToString(op.shape(1)));
  return ReducedType(op, op.shape(0));
}

Values ExpandMse(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Reduced(Square(Expr(b, x[0]) - Expr(b, x[1])), op.attributes)};
}

Values VjpMse(const VjpContext& v) {
  const Expr g = TermGradient(v, v.op.operands[0].elements());
  const Expr difference = (Operand(v, 0) - Operand(v, 1)) * 2.0;
  return {g * difference, -(g * difference)};
}

/// Logarithm that stays finite, as PyTorch's binary_cross_entropy has it.
Expr ClampedLog(Expr x) { return Maximum(Log(x), -100.0); }

/// Smallest denominator of gradients of probabilities, as PyTorch has it.
constexpr double kSmallestDenominator = 1e-12;

Values ExpandBce(GraphBuilder& b, const OpContext& op, Operands x) {
  const Expr p(b, x[0]), y(b, x[1]);
  return {Reduced(-(y * ClampedLog(p) + (1.0 - y) * ClampedLog(1.0 - p)), op.attributes)};
}

Values VjpBce(const VjpContext& v) {
  const Expr p = Operand(v, 0), y = Operand(v, 1);
  const Expr g = TermGradient(v, v.op.operands[0].elements());
  Values gradients(2);
  if (v.wanted[0]) gradients[0] = g * (p - y) / Maximum(p * (1.0 - p), kSmallestDenominator);
  if (v.wanted[1]) gradients[1] = g * (ClampedLog(1.0 - p) - ClampedLog(p));
  return gradients;
}

Values ExpandBceWithLogits(GraphBuilder& b, const OpContext& op, Operands x) {
  const Expr z(b, x[0]), y(b, x[1]);
  return {Reduced(Relu(z) - z * y + Log(1.0 + Exp(-Abs(z))), op.attributes)};
}

Values VjpBceWithLogits(const VjpContext& v) {
  const Expr z = Operand(v, 0), y = Operand(v, 1);
  const Expr g = TermGradient(v, v.op.operands[0].elements());
  return {g * (Sigmoid(z) - y), -(g * z)};
}

// ---- losses of classes -------------------------------------------------------------------------

Signature ClassSignature(std::string_view prediction) {
  return {.operands = {{prediction, DTypeClass::kFloat}, {"target", DTypeClass::kNumeric, -1}},
          .attributes = {ReductionAttribute()}};
}

bool HasClassNumbers(const OpContext& op) { return Info(op.dtype(1)).is_integer; }

Shape RowsShape(const OpContext& op) { return {op.shape(0).begin(), op.shape(0).end() - 1}; }

/// Class numbers have the shape of the prediction without its last axis, distributions the same
/// shape.
Result<std::vector<TensorType>> InferClassLoss(const OpContext& op) {
  if (op.operands[0].rank() < 1 || op.shape(0).back() == 0)
    return Error("the prediction needs an axis of classes, not {}", ToString(op.operands[0]));
  if (HasClassNumbers(op) && op.shape(1) != RowsShape(op))
    return Error(
        "class numbers {} must have shape {}, that of the prediction {} without its last axis",
        ToString(op.shape(1)), ToString(RowsShape(op)), ToString(op.shape(0)));
  if (!HasClassNumbers(op) && op.operands[1] != op.operands[0])
    return Error("target {} must be integer class numbers or have the prediction's type {}",
                 ToString(op.operands[1]), ToString(op.operands[0]));
  return ReducedType(op, RowsShape(op));
}

int64_t ClassLimit(const OpContext& op, int operand) {
  return operand == 1 && HasClassNumbers(op) ? op.shape(0).back() : 0;
}

Expr OneHot(const OpContext& op, Expr target, DType dtype) {
  return {
      target.builder(),
      target.builder().Add("one_hot", {target}, {{"depth", op.shape(0).back()}, {"dtype", dtype}})};
}

/// -sum over classes of target * log p, selected where the target is a class number.
Expr ClassTerms(const OpContext& op, Expr log_p, Expr target) {
  const Expr chosen =
      HasClassNumbers(op) ? Where(OneHot(op, target, DType::kBool), log_p, 0.0) : target * log_p;
  return -Sum(chosen, {-1});
}

Expr LogSoftmax(Expr x) { return {x.builder(), x.builder().Add("log_softmax", {x})}; }
Expr Softmax(Expr x) { return {x.builder(), x.builder().Add("softmax", {x})}; }

/// The gradient of each row's term, with an axis of classes.
Expr RowGradient(const VjpContext& v) {
  const Shape rows = RowsShape(v.op);
  const Expr g = TermGradient(v, Elements(rows));
  return g.rank() == 0 ? g : Unsqueeze(g, static_cast<int>(rows.size()));
}

Values ExpandCrossEntropy(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Reduced(ClassTerms(op, LogSoftmax({b, x[0]}), {b, x[1]}), op.attributes)};
}

Values VjpCrossEntropy(const VjpContext& v) {
  const Expr z = Operand(v, 0), target = Operand(v, 1), g = RowGradient(v);
  if (HasClassNumbers(v.op)) return {g * (Softmax(z) - OneHot(v.op, target, z.dtype())), Value()};
  Values gradients(2);
  if (v.wanted[0]) gradients[0] = g * (Softmax(z) * Sum(target, {-1}, true) - target);
  if (v.wanted[1]) gradients[1] = -(g * LogSoftmax(z));
  return gradients;
}

Values ExpandProbabilities(GraphBuilder& b, const OpContext& op, Operands x) {
  return {Reduced(ClassTerms(op, ClampedLog({b, x[0]}), {b, x[1]}), op.attributes)};
}

Values VjpProbabilities(const VjpContext& v) {
  const Expr p = Operand(v, 0), g = RowGradient(v);
  const Expr target =
      HasClassNumbers(v.op) ? OneHot(v.op, Operand(v, 1), p.dtype()) : Operand(v, 1);
  Values gradients(2);
  if (v.wanted[0]) gradients[0] = -(g * target / Maximum(p, kSmallestDenominator));
  if (v.wanted[1]) gradients[1] = -(g * ClampedLog(p));
  return gradients;
}

}  // namespace

std::span<const OpDef> LossOps() {
  static const std::array kOps = {
      OpDef{.name = "mse",
            .doc = "Squared error.\n\n`(prediction - target)^2` per element. Gradient: `2 * g * "
                   "(prediction - target)`, divided by the number of elements for the mean.",
            .signature = NumberSignature("prediction"),
            .infer = InferNumberLoss,
            .expand = ExpandMse,
            .vjp = VjpMse,
            .mask_rows = [](const MaskContext& m) { return MaskedLoss(m, "mse"); }},
      OpDef{.name = "bce",
            .doc = "Binary cross entropy of probabilities.\n\n`-(y log p + (1 - y) log(1 - p))` "
                   "per element, p in (0, 1), logarithms not below -100 as in PyTorch. Gradient: "
                   "`g * (p - y) / max(p * (1 - p), 1e-12)`.",
            .signature = NumberSignature("probability"),
            .infer = InferNumberLoss,
            .expand = ExpandBce,
            .vjp = VjpBce,
            .mask_rows = [](const MaskContext& m) { return MaskedLoss(m, "bce"); }},
      OpDef{.name = "bce_with_logits",
            .doc = "Binary cross entropy of sigmoid(z), computed of z.\n\n`max(z, 0) - z y + log(1 "
                   "+ e^-|z|)` per element. Gradient: `g * (sigmoid(z) - y)`.",
            .signature = NumberSignature("logits"),
            .infer = InferNumberLoss,
            .expand = ExpandBceWithLogits,
            .vjp = VjpBceWithLogits,
            .mask_rows = [](const MaskContext& m) { return MaskedLoss(m, "bce_with_logits"); }},
      OpDef{.name = "cross_entropy",
            .doc = "Cross entropy of softmax(z), computed of z.\n\n`-sum_j y_j log softmax(z)_j` "
                   "per row over the last axis, natural logarithm. The target is a class number "
                   "per row (integers) or a distribution per row (the type of z). A class number "
                   "that is out of range counts as 0 and is reported. Gradient: `g * (softmax(z) "
                   "- y)`, divided by the number of rows for the mean.",
            .signature = ClassSignature("logits"),
            .infer = InferClassLoss,
            .expand = ExpandCrossEntropy,
            .index_limit = ClassLimit,
            .vjp = VjpCrossEntropy,
            .mask_rows = [](const MaskContext& m) { return MaskedLoss(m, "cross_entropy"); }},
      OpDef{.name = "cross_entropy_probabilities",
            .doc = "Cross entropy of probabilities.\n\n`-sum_j y_j log p_j` per row over the last "
                   "axis, logarithms not below -100; targets as for cross_entropy. Gradient: `-g "
                   "* y / max(p, 1e-12)`.",
            .signature = ClassSignature("probabilities"),
            .infer = InferClassLoss,
            .expand = ExpandProbabilities,
            .index_limit = ClassLimit,
            .vjp = VjpProbabilities,
            .mask_rows =
                [](const MaskContext& m) { return MaskedLoss(m, "cross_entropy_probabilities"); }},
  };
  return kOps;
}

}  // namespace descent
