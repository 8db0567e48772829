// Simplifies index expressions by what is known of their axes' extents.
//
//   extents {10, 784}:  (i0 * 784 + i1) / 784  ->  i0,   (i0 * 784 + i1) mod 784  ->  i1
#pragma once

#include "ir/tensor_expr.h"

namespace descent {

/// Equal to `index` wherever every axis i is in [0, extents[i]).
Index SimplifyIndex(const Index& index, const Shape& extents);

}  // namespace descent
