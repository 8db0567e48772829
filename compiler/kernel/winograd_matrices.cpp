#include "compiler/kernel/winograd_matrices.h"

namespace descent::winograd {
namespace {

/// values[row]
Scalar Choose(const Index& row, DType dtype, const std::vector<double>& values) {
  Scalar chosen = ConstantScalar(dtype, values.back());
  for (size_t i = values.size() - 1; i-- > 0;) {
    const Scalar is_row = Call(ScalarOp::kEq, {IndexScalar(row), ConstantInt(DType::kI64, i)});
    chosen = Call(ScalarOp::kSelect, {is_row, ConstantScalar(dtype, values[i]), chosen});
  }
  return chosen;
}

}  // namespace

Terms ImageRow(const Index& row, DType dtype) {
  const Index third = FloorDiv(row, 3);
  const Index first = row + third * -2;
  const Index second = ConstantIndex(2) + FloorDiv(row, 2) * -1 + third * 2;
  return {{nullptr, first}, {Choose(row, dtype, {-1, 1, -1, -1}), second}};
}

Terms FilterRow(const Index& row, DType dtype) {
  return {{Choose(row, dtype, {1, 0.5, 0.5, 0}), ConstantIndex(0)},
          {Choose(row, dtype, {0, 0.5, -0.5, 0}), ConstantIndex(1)},
          {Choose(row, dtype, {0, 0.5, 0.5, 1}), ConstantIndex(2)}};
}

Terms GradientRow(const Index& row, DType dtype) {
  return {{Choose(row, dtype, {1, 1, 1, 0}), ConstantIndex(0)},
          {Choose(row, dtype, {0, 1, -1, -1}), ConstantIndex(1)}};
}

Terms ResultRow(const Index& row, DType dtype) {
  const Scalar sign = Choose(row, dtype, {1, -1});
  return {{nullptr, ConstantIndex(1)}, {sign, ConstantIndex(2)}, {sign, row * 3}};
}

Terms FilterGradientRow(const Index& row, DType dtype) {
  return {{ConstantScalar(dtype, 0.5), ConstantIndex(1)},
          {Choose(row, dtype, {0.5, -0.5, 0.5}), ConstantIndex(2)},
          {Choose(row, dtype, {1, 0, 1}), FloorDiv(row, 2) * 3}};
}

}  // namespace descent::winograd
