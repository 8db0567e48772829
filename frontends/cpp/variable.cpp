#include "frontends/cpp/variable.h"

#include <algorithm>
#include <utility>

#include "frontends/cpp/model_builder.h"

namespace descent::nn {

Shape Variable::shape() const { return model_->ShapeOf(value_); }
DType Variable::dtype() const { return model_->DTypeOf(value_); }

int64_t Variable::extent(int axis) const {
  if (!valid()) return 1;
  const Shape extents = shape();
  const int rank = static_cast<int>(extents.size());
  const int place = axis < 0 ? axis + rank : axis;
  if (place >= 0 && place < rank) return extents[place];
  model_->Fail(fmt::format("{} has no axis {}", ToString(extents), axis));
  return 1;
}

std::vector<Variable> ApplyMulti(std::string_view op, const std::vector<Variable>& operands,
                                 Attributes attributes) {
  DESCENT_CHECK(!operands.empty(), "an operator is applied to at least one variable");
  return operands[0].model().Apply(op, operands, std::move(attributes));
}

Variable Apply(std::string_view op, const std::vector<Variable>& operands, Attributes attributes) {
  return ApplyMulti(op, operands, std::move(attributes))[0];
}

namespace {

Variable Number(const Variable& like, double number) {
  return like.model().Scalar(like.dtype(), number);
}

}  // namespace

Variable operator+(const Variable& a, const Variable& b) { return Apply("add", {a, b}); }
Variable operator-(const Variable& a, const Variable& b) { return Apply("sub", {a, b}); }
Variable operator*(const Variable& a, const Variable& b) { return Apply("mul", {a, b}); }
Variable operator/(const Variable& a, const Variable& b) { return Apply("div", {a, b}); }
Variable operator-(const Variable& a) { return Apply("neg", {a}); }
Variable operator+(const Variable& a, double b) { return a + Number(a, b); }
Variable operator-(const Variable& a, double b) { return a - Number(a, b); }
Variable operator*(const Variable& a, double b) { return a * Number(a, b); }
Variable operator/(const Variable& a, double b) { return a / Number(a, b); }
Variable operator-(double a, const Variable& b) { return Number(b, a) - b; }

Variable Relu(const Variable& x) { return Apply("relu", {x}); }
Variable Sigmoid(const Variable& x) { return Apply("sigmoid", {x}); }
Variable Tanh(const Variable& x) { return Apply("tanh", {x}); }
Variable Gelu(const Variable& x) { return Apply("gelu", {x}); }
Variable Exp(const Variable& x) { return Apply("exp", {x}); }
Variable Square(const Variable& x) { return Apply("square", {x}); }
Variable Softmax(const Variable& x, int64_t axis) {
  return Apply("softmax", {x}, {{"axis", axis}});
}

Variable Sum(const Variable& x, std::vector<int64_t> axes) {
  return Apply("sum", {x}, {{"axes", std::move(axes)}});
}
Variable Mean(const Variable& x, std::vector<int64_t> axes) {
  return Apply("mean", {x}, {{"axes", std::move(axes)}});
}

Variable Reshape(const Variable& x, Shape shape) {
  return Apply("reshape", {x}, {{"shape", std::move(shape)}});
}
Variable Transpose(const Variable& x, std::vector<int64_t> permutation) {
  return Apply("transpose", {x}, {{"permutation", std::move(permutation)}});
}
Variable Concat(const std::vector<Variable>& parts, int64_t axis) {
  return Apply("concat", parts, {{"axis", axis}});
}

namespace {

/// Parts of these extents. (The operator slice names all axes, with them the batch, which other
/// entry points have of another size.)
std::vector<Variable> SplitInto(const Variable& x, const std::vector<int64_t>& sizes,
                                int64_t axis) {
  std::vector<Variable> parts = ApplyMulti("split", {x}, {{"sizes", sizes}, {"axis", axis}});
  parts.resize(sizes.size(), parts[0]);  // where it failed there is one invalid part
  return parts;
}

}  // namespace

std::vector<Variable> Split(const Variable& x, int64_t parts, int axis) {
  const int64_t extent = x.extent(axis);
  if (x.valid() && (parts < 1 || extent % parts != 0))
    x.model().Fail(
        fmt::format("an axis of {} elements is not split into {} equal parts", extent, parts));
  return SplitInto(
      x, std::vector<int64_t>(std::max<int64_t>(parts, 1), extent / std::max<int64_t>(parts, 1)),
      axis);
}

Variable Slice(const Variable& x, int axis, int64_t start, int64_t stop) {
  const int64_t extent = x.extent(axis);
  if (start == 0 && stop == extent) return x;
  if (x.valid() && (start < 0 || stop <= start || stop > extent)) {
    x.model().Fail(fmt::format("[{}, {}) are no elements of an axis of {}", start, stop, extent));
    return {x.model(), {}};
  }
  std::vector<int64_t> sizes;
  if (start > 0) sizes.push_back(start);
  sizes.push_back(stop - start);
  if (stop < extent) sizes.push_back(extent - stop);
  return SplitInto(x, sizes, axis)[start > 0 ? 1 : 0];
}

Variable NormalLike(const Variable& x) {
  return Apply("normal", {x}, {{"stream", x.model().NextStream()}});
}

Variable SelfAttention(const Variable& qkv, int64_t heads, bool causal) {
  const int64_t steps = qkv.extent(1), width = qkv.extent(2) / 3;
  if (qkv.valid() && (heads < 1 || width % heads != 0))
    qkv.model().Fail(fmt::format("{} heads do not divide a width of {}", heads, width));
  std::vector<Variable> operands;
  for (const Variable& part : Split(qkv, 3, 2))
    operands.push_back(Transpose(Reshape(part, {-1, steps, heads, width / heads}), {0, 2, 1, 3}));
  const Variable out = Apply("scaled_dot_product_attention", operands, {{"causal", causal}});
  return Reshape(Transpose(out, {0, 2, 1, 3}), {-1, steps, width});
}

Variable CrossEntropy(const Variable& logits, const Variable& target, int64_t axis) {
  return Apply("cross_entropy", {logits, target}, {{"axis", axis}});
}
Variable BceWithLogits(const Variable& logits, const Variable& target) {
  return Apply("bce_with_logits", {logits, target});
}
Variable Mse(const Variable& prediction, const Variable& target) {
  return Apply("mse", {prediction, target});
}

}  // namespace descent::nn
