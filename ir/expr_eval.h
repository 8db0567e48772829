// Evaluates a TensorExpr point by point: the reference semantics of every operator.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ir/scalar_eval.h"
#include "ir/tensor.h"
#include "ir/tensor_expr.h"

namespace descent {

/// *exact*: floats are f64 throughout, whatever their type says. *typed*: f64 inside a body,
/// rounded to the type at a result or a cast.
enum class Precision : uint8_t { kTyped, kExact };

/// A tensor while it is interpreted.
struct Array {
  TensorType type;
  std::vector<Cell> cells;  ///< row-major
};
using ArrayRef = std::shared_ptr<const Array>;

/// `number` as a value of `dtype` in `precision`.
double RoundTo(DType dtype, Precision precision, double number);

/// What a run says beside its values.
struct Reports {
  bool bad_index = false;   ///< an index from data was out of range
  bool not_finite = false;  ///< an assert_finite failed
};

/// The results of `expr`, one per entry of `results`.
std::vector<ArrayRef> Evaluate(const TensorExpr& expr, std::span<const ArrayRef> operands,
                               std::span<const TensorType> results, Precision precision,
                               Reports& reports);

}  // namespace descent
