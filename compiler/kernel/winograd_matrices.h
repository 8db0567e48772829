// The constant matrices A, B and G of Winograd's F(2x2, 3x3) (winograd.h), a row at a time: what a
// transformation adds up along one dimension. The row is an index of the computation that does so.
#pragma once

#include <vector>

#include "ir/tensor_expr.h"

namespace descent::winograd {

inline constexpr int64_t kTaps = 3;    ///< of a filter, along one dimension
inline constexpr int64_t kPixels = 2;  ///< of the result that a tile gives
inline constexpr int64_t kPoints = kTaps + kPixels - 1;

/// coefficient * element at `place`
struct Term {
  Scalar coefficient;  ///< null: 1
  Index place;
};
using Terms = std::vector<Term>;
/// A row of a matrix, without what is 0 in all rows, in floats of a type.
using Row = Terms (*)(const Index& row, DType dtype);

/// B': d0 - d2, d1 + d2, d2 - d1, d1 - d3.
Terms ImageRow(const Index& row, DType dtype);
/// G: g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2.
Terms FilterRow(const Index& row, DType dtype);
/// A: y0, y0 + y1, y0 - y1, -y1.
Terms GradientRow(const Index& row, DType dtype);
/// A': m0 + m1 + m2, m1 - m2 - m3.
Terms ResultRow(const Index& row, DType dtype);
/// G': m0 + (m1 + m2) / 2, (m1 - m2) / 2, (m1 + m2) / 2 + m3.
Terms FilterGradientRow(const Index& row, DType dtype);

}  // namespace descent::winograd
