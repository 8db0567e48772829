// What families of elementwise operators share: the result at a point depends on the operands at
// that point, broadcast as NumPy does. The differentiation driver sums a gradient over the axes its
// operand broadcast along.
//
//   .define = DefineUnary<Sinh>,   // Scalar Sinh(const Scalar& x)
//   .define = Define<kAdd>,        // one scalar instruction
#pragma once

#include <span>
#include <vector>

#include "ir/ops/shapes.h"

namespace descent {

using Reads = std::span<const Scalar>;

inline Signature Unary(DTypeClass dtypes, std::vector<AttributeSpec> attributes = {}) {
  return {.operands = {{"x", dtypes}}, .attributes = std::move(attributes)};
}
inline Signature Binary(DTypeClass dtypes) { return {.operands = {{"a", dtypes}, {"b", dtypes}}}; }

/// All operands broadcast; the result has the dtype of the first.
Result<std::vector<TensorType>> InferBroadcast(const OpContext& op);
/// All operands broadcast; the result is bool.
Result<std::vector<TensorType>> InferComparison(const OpContext& op);

// ---- scalar bodies as equations ----------------------------------------------------------------

inline Scalar Number(const Scalar& like, double value) {
  return ConstantScalar(like->dtype, value);
}
inline Scalar operator+(const Scalar& a, const Scalar& b) { return Call(ScalarOp::kAdd, {a, b}); }
inline Scalar operator-(const Scalar& a, const Scalar& b) { return Call(ScalarOp::kSub, {a, b}); }
inline Scalar operator*(const Scalar& a, const Scalar& b) { return Call(ScalarOp::kMul, {a, b}); }
inline Scalar operator/(const Scalar& a, const Scalar& b) { return Call(ScalarOp::kDiv, {a, b}); }
inline Scalar operator-(const Scalar& a) { return Call(ScalarOp::kNeg, {a}); }
inline Scalar operator+(const Scalar& a, double b) { return a + Number(a, b); }
inline Scalar operator*(const Scalar& a, double b) { return a * Number(a, b); }
inline Scalar operator-(double a, const Scalar& b) { return Number(b, a) - b; }
inline Scalar operator/(double a, const Scalar& b) { return Number(b, a) / b; }

// ---- definitions -------------------------------------------------------------------------------

/// One read an operand at the point of the result; `body(Reads)` gives the result's scalar.
template <typename Body>
TensorExpr Elementwise(const OpContext& op, Body body) {
  TensorExpr expr{.axes = *BroadcastShapes(op.operands)};
  expr.rank = static_cast<int>(expr.axes.size());
  std::vector<Scalar> scalars;
  for (int i = 0; i < static_cast<int>(op.operands.size()); ++i) {
    expr.reads.push_back(BroadcastRead(i, op.shape(i), expr.rank));
    scalars.push_back(ReadScalar(i, op.dtype(i)));
  }
  expr.results = {body(Reads(scalars))};
  return expr;
}

/// The operator is one scalar instruction.
template <ScalarOp kOp>
TensorExpr Define(const OpContext& op) {
  return Elementwise(op, [](Reads x) { return Call(kOp, {x.begin(), x.end()}); });
}

template <Scalar (*kBody)(const Scalar&)>
TensorExpr DefineUnary(const OpContext& op) {
  return Elementwise(op, [](Reads x) { return kBody(x[0]); });
}

template <Scalar (*kBody)(const Scalar&, const Scalar&)>
TensorExpr DefineBinary(const OpContext& op) {
  return Elementwise(op, [](Reads x) { return kBody(x[0], x[1]); });
}

/// The gradient of a step is 0, also at its jumps.
inline std::vector<Value> VjpZero(const VjpContext&) { return {Value()}; }

}  // namespace descent
