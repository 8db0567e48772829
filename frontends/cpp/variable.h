// Variable: a tensor of a model under construction, as layers take and give it.
//
//   Variable y = Relu(x + 1.0);              // adds the nodes add, relu to the model of x
//   Variable z = Apply("erf", {y});          // any operator of docs/ops.md by its name
//
// What an error has prevented is an invalid variable: operators of one give another, and
// ModelBuilder::Build reports the first error, so code that builds a model has no error handling.
// A variable must not outlive its builder.
#pragma once

#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace descent::nn {

class ModelBuilder;

class Variable {
 public:
  Variable(ModelBuilder& model, Value value) : model_(&model), value_(value) {}

  bool valid() const { return value_.valid(); }
  ModelBuilder& model() const { return *model_; }
  Value value() const { return value_; }
  /// Empty where invalid.
  Shape shape() const;
  /// Of an axis, a negative one counted from the end; 1 where invalid.
  int64_t extent(int axis) const;
  DType dtype() const;

 private:
  ModelBuilder* model_;
  Value value_;
};

/// Result 0 of the operator `op`; there is at least one operand.
Variable Apply(std::string_view op, const std::vector<Variable>& operands,
               Attributes attributes = {});
/// All results.
std::vector<Variable> ApplyMulti(std::string_view op, const std::vector<Variable>& operands,
                                 Attributes attributes = {});

// Operands broadcast as NumPy's do; a number becomes a scalar of the other side's type.
Variable operator+(const Variable& a, const Variable& b);
Variable operator-(const Variable& a, const Variable& b);
Variable operator*(const Variable& a, const Variable& b);
Variable operator/(const Variable& a, const Variable& b);
Variable operator-(const Variable& a);
Variable operator+(const Variable& a, double b);
Variable operator-(const Variable& a, double b);
Variable operator*(const Variable& a, double b);
Variable operator/(const Variable& a, double b);
inline Variable operator+(double a, const Variable& b) { return b + a; }
Variable operator-(double a, const Variable& b);
inline Variable operator*(double a, const Variable& b) { return b * a; }

Variable Relu(const Variable& x);
Variable Sigmoid(const Variable& x);
Variable Tanh(const Variable& x);
Variable Gelu(const Variable& x);
Variable Exp(const Variable& x);
Variable Square(const Variable& x);
Variable Softmax(const Variable& x, int64_t axis = -1);

/// Of all elements, or over some axes.
Variable Sum(const Variable& x, std::vector<int64_t> axes = {});
Variable Mean(const Variable& x, std::vector<int64_t> axes = {});

/// One extent may be -1: what the others leave. Write the batch so.
Variable Reshape(const Variable& x, Shape shape);
Variable Transpose(const Variable& x, std::vector<int64_t> permutation);
Variable Concat(const std::vector<Variable>& parts, int64_t axis);
/// `parts` parts of equal extent along an axis.
std::vector<Variable> Split(const Variable& x, int64_t parts, int axis);
/// Elements [start, stop) of an axis, at least one.
Variable Slice(const Variable& x, int axis, int64_t start, int64_t stop);

/// Standard normal numbers, as many as x has elements; others at every use and step.
Variable NormalLike(const Variable& x);

/// Attention of a sequence to itself. `qkv`, [batch, steps, 3 * width], holds queries, keys and
/// values one behind the other, each of `heads` heads; the result is [batch, steps, width].
Variable SelfAttention(const Variable& qkv, int64_t heads, bool causal);

// Losses: means over rows, as PyTorch's.

/// Logits with classes along an axis; class numbers of the other axes.
Variable CrossEntropy(const Variable& logits, const Variable& target, int64_t axis = -1);
Variable BceWithLogits(const Variable& logits, const Variable& target);
Variable Mse(const Variable& prediction, const Variable& target);

}  // namespace descent::nn
