// Expr: a value of a graph under construction, so that expansions and gradients read as equations.
//
//   Expr y(b, value);
//   Value gradient = g * y * (1.0 - y);   // adds the nodes mul, sub, mul to `b`
//
// Every function adds the operator of its name; numbers become scalar constants of the other side's
// dtype. An Expr is as cheap to copy as a Value and must not outlive its builder.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace descent {

class Expr {
 public:
  Expr(GraphBuilder& builder, Value value) : builder_(&builder), value_(value) {}

  operator Value() const { return value_; }  // NOLINT: an Expr is a Value that knows its builder
  GraphBuilder& builder() const { return *builder_; }
  Value value() const { return value_; }
  /// Copies: adding nodes moves what the builder holds.
  Shape shape() const { return builder_->shape(value_); }
  DType dtype() const { return builder_->dtype(value_); }
  int rank() const { return static_cast<int>(builder_->shape(value_).size()); }
  /// A scalar of this dtype.
  Expr Like(double number) const { return {*builder_, builder_->ConstantLike(value_, number)}; }

 private:
  GraphBuilder* builder_;
  Value value_;
};

Expr operator+(Expr a, Expr b);
Expr operator-(Expr a, Expr b);
Expr operator*(Expr a, Expr b);
Expr operator/(Expr a, Expr b);
Expr operator-(Expr a);
inline Expr operator+(Expr a, double b) { return a + a.Like(b); }
inline Expr operator-(Expr a, double b) { return a - a.Like(b); }
inline Expr operator*(Expr a, double b) { return a * a.Like(b); }
inline Expr operator/(Expr a, double b) { return a / a.Like(b); }
inline Expr operator+(double a, Expr b) { return b.Like(a) + b; }
inline Expr operator-(double a, Expr b) { return b.Like(a) - b; }
inline Expr operator*(double a, Expr b) { return b.Like(a) * b; }
inline Expr operator/(double a, Expr b) { return b.Like(a) / b; }

Expr Abs(Expr x);
Expr Sign(Expr x);
Expr Floor(Expr x);
Expr Round(Expr x);
Expr Trunc(Expr x);
Expr Square(Expr x);
Expr Sqrt(Expr x);
Expr Pow(Expr base, Expr exponent);
Expr Exp(Expr x);
Expr Expm1(Expr x);
Expr Log(Expr x);
Expr Log1p(Expr x);
Expr Sin(Expr x);
Expr Cos(Expr x);
Expr Sinh(Expr x);
Expr Cosh(Expr x);
Expr Tanh(Expr x);
Expr Erf(Expr x);
Expr Relu(Expr x);
Expr Clamp(Expr x, double low, double high);
Expr Sigmoid(Expr x);
Expr Minimum(Expr a, Expr b);
Expr Maximum(Expr a, Expr b);
inline Expr Minimum(Expr a, double b) { return Minimum(a, a.Like(b)); }
inline Expr Maximum(Expr a, double b) { return Maximum(a, a.Like(b)); }

Expr Equal(Expr a, Expr b);
Expr NotEqual(Expr a, Expr b);
Expr Less(Expr a, Expr b);
Expr LessEqual(Expr a, Expr b);
Expr Greater(Expr a, Expr b);
Expr GreaterEqual(Expr a, Expr b);
inline Expr Equal(Expr a, double b) { return Equal(a, a.Like(b)); }
inline Expr Less(Expr a, double b) { return Less(a, a.Like(b)); }
inline Expr LessEqual(Expr a, double b) { return LessEqual(a, a.Like(b)); }
inline Expr Greater(Expr a, double b) { return Greater(a, a.Like(b)); }
inline Expr GreaterEqual(Expr a, double b) { return GreaterEqual(a, a.Like(b)); }
Expr And(Expr a, Expr b);
Expr Or(Expr a, Expr b);
Expr Not(Expr a);
Expr Where(Expr condition, Expr a, Expr b);
inline Expr Where(Expr condition, Expr a, double b) { return Where(condition, a, a.Like(b)); }
inline Expr Where(Expr condition, double a, Expr b) { return Where(condition, b.Like(a), b); }
/// `x` itself when it has that dtype.
Expr CastTo(Expr x, DType dtype);

/// Empty `axes`: all.
Expr Sum(Expr x, std::vector<int64_t> axes = {}, bool keepdims = false);
Expr Mean(Expr x, std::vector<int64_t> axes = {}, bool keepdims = false);
Expr Max(Expr x, std::vector<int64_t> axes = {}, bool keepdims = false);
Expr Min(Expr x, std::vector<int64_t> axes = {}, bool keepdims = false);
Expr ArgMax(Expr x, int64_t axis, bool keepdims = false);
Expr Matmul(Expr a, Expr b, bool transpose_a = false, bool transpose_b = false);

// These give `x` itself when nothing changes.
Expr Reshape(Expr x, Shape shape);
Expr Transpose(Expr x, std::vector<int64_t> permutation);
Expr ExpandTo(Expr x, Shape shape);
Expr Concat(std::span<const Expr> parts, int64_t axis);
/// Elements [start, stop) of one axis.
Expr SliceAxis(Expr x, int axis, int64_t start, int64_t stop);
Expr Flip(Expr x, std::vector<int64_t> axes);
Expr Iota(GraphBuilder& b, Shape shape, int64_t axis, DType dtype);

/// Slices of x at `indices` along `axis`.
Expr Gather(Expr x, Expr indices, int64_t axis = 0);
/// x with `updates` put to its rows; `reduce`: set, add, mul, min, max.
Expr ScatterRows(Expr x, Expr indices, Expr updates, std::string_view reduce);

/// `x` with axis `axis` of extent 1 inserted.
Expr Unsqueeze(Expr x, int axis);

}  // namespace descent
