// Random tensors as expressions, shared by the families random and initializer.
//
// Stream numbers: nodes of a graph have [0, 2^30), initializers the same numbers + 2^30, and a
// second word for the same node is at + 2^31.
#pragma once

#include "ir/expr.h"

namespace descent {

inline constexpr int64_t kStreamLimit = int64_t{1} << 30;
inline constexpr int64_t kInitializerStreams = kStreamLimit;
inline constexpr int64_t kSecondWord = int64_t{1} << 31;

/// [0, 1)
Expr RandomUnit(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream);
Expr RandomUniform(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream, double low,
                   double high);
Expr RandomNormal(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream, double mean,
                  double deviation);

}  // namespace descent
