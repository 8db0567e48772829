// Sums of products: what matrix products, convolutions and their gradients are.
#pragma once

#include <optional>
#include <utility>

#include "ir/tensor_expr.h"

namespace descent {

/// The two factors of  acc = 0; acc += a * b.
std::optional<std::pair<Scalar, Scalar>> FactorsOf(const Reducer& reducer);

}  // namespace descent
