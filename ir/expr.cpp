#include "ir/expr.h"

#include <utility>

namespace descent {
namespace {

Expr Unary(std::string_view op, Expr x, Attributes attributes = {}) {
  return {x.builder(), x.builder().Add(op, {x}, std::move(attributes))};
}

Expr Binary(std::string_view op, Expr a, Expr b, Attributes attributes = {}) {
  return {a.builder(), a.builder().Add(op, {a, b}, std::move(attributes))};
}

Expr Reduce(std::string_view op, Expr x, std::vector<int64_t> axes, bool keepdims) {
  return Unary(op, x, {{"axes", std::move(axes)}, {"keepdims", keepdims}});
}

}  // namespace

Expr operator+(Expr a, Expr b) { return Binary("add", a, b); }
Expr operator-(Expr a, Expr b) { return Binary("sub", a, b); }
Expr operator*(Expr a, Expr b) { return Binary("mul", a, b); }
Expr operator/(Expr a, Expr b) { return Binary("div", a, b); }
Expr operator-(Expr a) { return Unary("neg", a); }

Expr Abs(Expr x) { return Unary("abs", x); }
Expr Sign(Expr x) { return Unary("sign", x); }
Expr Floor(Expr x) { return Unary("floor", x); }
Expr Round(Expr x) { return Unary("round", x); }
Expr Trunc(Expr x) { return Unary("trunc", x); }
Expr Square(Expr x) { return Unary("square", x); }
Expr Sqrt(Expr x) { return Unary("sqrt", x); }
Expr Pow(Expr base, Expr exponent) { return Binary("pow", base, exponent); }
Expr Exp(Expr x) { return Unary("exp", x); }
Expr Expm1(Expr x) { return Unary("expm1", x); }
Expr Log(Expr x) { return Unary("log", x); }
Expr Log1p(Expr x) { return Unary("log1p", x); }
Expr Sin(Expr x) { return Unary("sin", x); }
Expr Cos(Expr x) { return Unary("cos", x); }
Expr Sinh(Expr x) { return Unary("sinh", x); }
Expr Cosh(Expr x) { return Unary("cosh", x); }
Expr Tanh(Expr x) { return Unary("tanh", x); }
Expr Erf(Expr x) { return Unary("erf", x); }
Expr Relu(Expr x) { return Unary("relu", x); }
Expr Clamp(Expr x, double low, double high) {
  return Unary("clamp", x, {{"low", low}, {"high", high}});
}
Expr Sigmoid(Expr x) { return Unary("sigmoid", x); }
Expr Minimum(Expr a, Expr b) { return Binary("minimum", a, b); }
Expr Maximum(Expr a, Expr b) { return Binary("maximum", a, b); }

Expr Equal(Expr a, Expr b) { return Binary("equal", a, b); }
Expr NotEqual(Expr a, Expr b) { return Binary("not_equal", a, b); }
Expr Less(Expr a, Expr b) { return Binary("less", a, b); }
Expr LessEqual(Expr a, Expr b) { return Binary("less_equal", a, b); }
Expr Greater(Expr a, Expr b) { return Binary("greater", a, b); }
Expr GreaterEqual(Expr a, Expr b) { return Binary("greater_equal", a, b); }
Expr And(Expr a, Expr b) { return Binary("logical_and", a, b); }
Expr Or(Expr a, Expr b) { return Binary("logical_or", a, b); }
Expr Not(Expr a) { return Unary("logical_not", a); }

Expr Where(Expr condition, Expr a, Expr b) {
  return {a.builder(), a.builder().Add("where", {condition, a, b})};
}

Expr CastTo(Expr x, DType dtype) {
  return x.dtype() == dtype ? x : Unary("cast", x, {{"to", dtype}});
}

Expr Sum(Expr x, std::vector<int64_t> axes, bool keepdims) {
  return Reduce("sum", x, std::move(axes), keepdims);
}
Expr Mean(Expr x, std::vector<int64_t> axes, bool keepdims) {
  return Reduce("mean", x, std::move(axes), keepdims);
}
Expr Max(Expr x, std::vector<int64_t> axes, bool keepdims) {
  return Reduce("max", x, std::move(axes), keepdims);
}
Expr Min(Expr x, std::vector<int64_t> axes, bool keepdims) {
  return Reduce("min", x, std::move(axes), keepdims);
}
Expr ArgMax(Expr x, int64_t axis, bool keepdims) {
  return Unary("argmax", x, {{"axis", axis}, {"keepdims", keepdims}});
}

Expr Matmul(Expr a, Expr b, bool transpose_a, bool transpose_b) {
  return Binary("matmul", a, b, {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}});
}

Expr Reshape(Expr x, Shape shape) {
  return x.shape() == shape ? x : Unary("reshape", x, {{"shape", std::move(shape)}});
}

Expr Transpose(Expr x, std::vector<int64_t> permutation) {
  bool identity = true;
  for (size_t i = 0; i < permutation.size(); ++i)
    identity &= permutation[i] == static_cast<int64_t>(i);
  return identity ? x : Unary("transpose", x, {{"permutation", std::move(permutation)}});
}

Expr ExpandTo(Expr x, Shape shape) {
  return x.shape() == shape ? x : Unary("expand", x, {{"shape", std::move(shape)}});
}

Expr Concat(std::span<const Expr> parts, int64_t axis) {
  GraphBuilder& b = parts.front().builder();
  return {b, b.Add("concat", {parts.begin(), parts.end()}, {{"axis", axis}})};
}

Expr SliceAxis(Expr x, int axis, int64_t start, int64_t stop) {
  const Shape shape = x.shape();
  if (start == 0 && stop == shape[axis]) return x;
  std::vector<int64_t> starts(shape.size(), 0), stops = shape, steps(shape.size(), 1);
  starts[axis] = start;
  stops[axis] = stop;
  return Unary("slice", x, {{"starts", starts}, {"stops", stops}, {"steps", steps}});
}

Expr Flip(Expr x, std::vector<int64_t> axes) {
  return Unary("flip", x, {{"axes", std::move(axes)}});
}

Expr Iota(GraphBuilder& b, Shape shape, int64_t axis, DType dtype) {
  return {b, b.Add("iota", {}, {{"shape", std::move(shape)}, {"axis", axis}, {"dtype", dtype}})};
}

Expr Gather(Expr x, Expr indices, int64_t axis) {
  return Binary("gather", x, indices, {{"axis", axis}});
}

Expr ScatterRows(Expr x, Expr indices, Expr updates, std::string_view reduce) {
  return {x.builder(), x.builder().Add("scatter_rows", {x, indices, updates},
                                       {{"reduce", std::string(reduce)}})};
}

Expr Unsqueeze(Expr x, int axis) {
  Shape shape = x.shape();
  shape.insert(shape.begin() + axis, 1);
  return Reshape(x, std::move(shape));
}

}  // namespace descent
