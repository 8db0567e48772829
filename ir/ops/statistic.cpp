// Reductions made of others: logarithm of a sum of exponentials, variance, norms.

#include <array>
#include <cmath>

#include "ir/expr.h"
#include "ir/ops/families.h"
#include "ir/ops/reduction.h"
#include "ir/ops/shapes.h"

namespace descent {
namespace {

using Values = std::vector<Value>;
using Operands = std::span<const Value>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<int64_t> AxesOf(const OpContext& op) { return op.attributes.Ints("axes"); }
bool KeepsDims(const OpContext& op) { return op.attributes.Bool("keepdims"); }

/// `kept`, a result with its reduced axes as extents of 1, as `keepdims` asks for.
Expr AsAsked(const OpContext& op, Expr kept) {
  return Reshape(
      kept, ReducedShape(op.shape(0), KnownAxes(AxesOf(op), op.operands[0].rank()), KeepsDims(op)));
}

Expr FiniteOrZero(Expr x) { return Where(Less(Abs(x), kInfinity), x, 0.0); }

// ---- logsumexp ---------------------------------------------------------------------------------

Values ExpandLogSumExp(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]);
  const Expr shift = FiniteOrZero(Max(x, AxesOf(op), true));
  return {AsAsked(op, Log(Sum(Exp(x - shift), AxesOf(op), true)) + shift)};
}

Values VjpLogSumExp(const VjpContext& v) {
  const Expr y = ResultOf(v);
  const Expr shift = Where(Equal(y, -kInfinity), 0.0, y);
  return {KeepDims(v, Gradient(v)) * Exp(Operand(v, 0) - KeepDims(v, shift))};
}

Values LogSumExpOfValid(const MaskContext& m) {
  const Expr x(m.b, m.operands[0]);
  return {m.b.Add("logsumexp", {Where(Expr(m.b, m.Mask(0)), x, -kInfinity)}, m.op.attributes)};
}

// ---- var and std -------------------------------------------------------------------------------

AttributeSpec Correction() {
  return {"correction", AttributeKind::kFloat, Attribute(1.0),
          "what the number of elements is lowered by: 1 unbiased, 0 the mean square"};
}

Result<std::vector<TensorType>> InferVar(const OpContext& op) {
  const double correction = op.attributes.Float("correction");
  if (!std::isfinite(correction)) return Error("correction must be a number, not {}", correction);
  return InferReduce(op);
}

double Freedom(const OpContext& op) {
  return std::max(0.0, static_cast<double>(ReducedCount(op)) - op.attributes.Float("correction"));
}

Values ExpandVar(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]);
  const Expr squares = Square(x - Mean(x, AxesOf(op), true));
  return {Sum(squares, AxesOf(op), KeepsDims(op)) / Freedom(op)};
}

Values ExpandStd(GraphBuilder& b, const OpContext& op, Operands operands) {
  return {Sqrt({b, b.Add("var", {operands[0]}, op.attributes)})};
}

/// The mean's own share is zero, since deviations from it add up to zero.
Values VjpVar(const VjpContext& v) {
  const Expr x = Operand(v, 0);
  const Expr g = Gradient(v) * (2.0 / Freedom(v.op));
  return {KeepDims(v, g) * (x - Mean(x, AxesOf(v.op), true))};
}

Values VjpStd(const VjpContext& v) {
  const Expr x = Operand(v, 0), y = ResultOf(v);
  const Expr g = Where(Equal(y, 0.0), 0.0, Gradient(v) / (y * Freedom(v.op)));
  return {KeepDims(v, g) * (x - Mean(x, AxesOf(v.op), true))};
}

Values VarOfValid(const MaskContext& m) {
  const Expr x(m.b, m.operands[0]), mask(m.b, m.Mask(0)), count = ValidCount(m);
  const Expr mean = Sum(Where(mask, x, 0.0), AxesOf(m.op), true) / count;
  const Expr squares = Where(mask, Square(x - mean), 0.0);
  return {Sum(squares, AxesOf(m.op), KeepsDims(m.op)) /
          Maximum(count - m.op.attributes.Float("correction"), 0.0)};
}

Values StdOfValid(const MaskContext& m) { return {Sqrt({m.b, VarOfValid(m)[0]})}; }

// ---- norm --------------------------------------------------------------------------------------

Result<std::vector<TensorType>> InferNorm(const OpContext& op) {
  const double p = op.attributes.Float("p");
  if (std::isnan(p) || p < 0) return Error("p must not be negative, but is {}", p);
  return InferReduce(op);
}

Values ExpandNorm(GraphBuilder& b, const OpContext& op, Operands operands) {
  const Expr x(b, operands[0]);
  const double p = op.attributes.Float("p");
  const auto sum = [&](Expr terms) { return Sum(terms, AxesOf(op), KeepsDims(op)); };
  if (p == 0) return {sum(CastTo(NotEqual(x, x.Like(0)), x.dtype()))};
  if (p == 1) return {sum(Abs(x))};
  if (p == 2) return {Sqrt(sum(Square(x)))};
  if (std::isinf(p)) return {Maximum(Max(Abs(x), AxesOf(op), KeepsDims(op)), 0.0)};
  return {Pow(sum(Pow(Abs(x), x.Like(p))), x.Like(1 / p))};
}

/// d|x|_p / dx = sign(x) (|x| / |x|_p)^(p - 1), 0 where either is 0.
Values VjpNorm(const VjpContext& v) {
  const Expr x = Operand(v, 0), y = KeepDims(v, ResultOf(v)), g = KeepDims(v, Gradient(v));
  const double p = v.op.attributes.Float("p");
  if (p == 0) return {Value()};
  if (p == 1) return {g * Sign(x)};
  if (std::isinf(p)) {
    const Expr chosen = Equal(Abs(x), y);
    return {Where(chosen, g * Sign(x) / Sum(CastTo(chosen, x.dtype()), AxesOf(v.op), true), 0.0)};
  }
  const Expr ratio = x / Where(Equal(y, 0.0), 1.0, y);
  if (p == 2) return {g * ratio};
  const Expr size = Where(Equal(x, 0.0), 1.0, Abs(ratio));
  return {g * Where(Equal(x, 0.0), 0.0, Sign(x) * Pow(size, x.Like(p - 1)))};
}

Values NormOfValid(const MaskContext& m) {
  const Expr x(m.b, m.operands[0]);
  return {m.b.Add("norm", {Where(Expr(m.b, m.Mask(0)), x, 0.0)}, m.op.attributes)};
}

}  // namespace

std::span<const OpDef> StatisticOps() {
  static const std::array kOps = {
      OpDef{.name = "logsumexp",
            .doc = "Logarithm of the sum of exponentials over axes.\n\n`y = log sum exp(x)`, "
                   "computed as `m + log sum exp(x - m)` with the largest element m, so that "
                   "nothing overflows. -inf over no elements and where all are -inf "
                   "(torch.logsumexp). Gradient: `g exp(x - y)`, 0 where y is -inf.",
            .example = "logsumexp([1, 5, 3]) = 5.1429",
            .signature = ReduceSignature(DTypeClass::kFloat),
            .infer = InferReduce,
            .expand = ExpandLogSumExp,
            .vjp = VjpLogSumExp,
            .mask_rows = LogSumExpOfValid},
      OpDef{.name = "var",
            .doc = "Variance over axes.\n\n`y = sum (x - mean x)^2 / max(0, n - correction)` for "
                   "n elements; NaN where n = 0, or where n <= correction and the sum is 0, else "
                   "infinite there (torch.var). Gradient: `2 g (x - mean x) / (n - correction)`.",
            .example = "var([1, 5, 3]) = 4",
            .signature = ReduceSignature(DTypeClass::kFloat, {Correction()}),
            .infer = InferVar,
            .expand = ExpandVar,
            .vjp = VjpVar,
            .mask_rows = VarOfValid},
      OpDef{.name = "std",
            .doc = "Standard deviation over axes.\n\n`y = sqrt(var x)` (torch.std). Gradient: `g "
                   "(x - mean x) / ((n - correction) y)`, 0 where y is 0, as PyTorch has it.",
            .example = "std([1, 5, 3]) = 2",
            .signature = ReduceSignature(DTypeClass::kFloat, {Correction()}),
            .infer = InferVar,
            .expand = ExpandStd,
            .vjp = VjpStd,
            .mask_rows = StdOfValid},
      OpDef{.name = "norm",
            .doc = "Vector norm over axes.\n\n`y = (sum |x|^p)^(1/p)`; p = 1 the sum of "
                   "magnitudes, 2 the Euclidean length, inf the largest magnitude, 0 the number "
                   "of elements that are not zero. 0 over no elements. Gradient: `g sign(x) (|x| "
                   "/ y)^(p - 1)`, 0 where x is 0; for p = inf `g sign(x)` to the largest, in "
                   "equal shares; none for p = 0. All as PyTorch has it.",
            .example = "norm([3, 4]) = 5",
            .signature = ReduceSignature(DTypeClass::kFloat,
                                         {{"p", AttributeKind::kFloat, Attribute(2.0),
                                           "order of the norm, not negative; inf is allowed"}}),
            .infer = InferNorm,
            .expand = ExpandNorm,
            .vjp = VjpNorm,
            .mask_rows = NormOfValid},
  };
  return kOps;
}

}  // namespace descent
