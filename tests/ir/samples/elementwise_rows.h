// Rows of the sample tables of elementwise operators: stated values, and generated samples around
// vector widths and of broadcast shapes.
#pragma once

#include "tests/ir/samples/samples.h"

namespace descent {

using List = std::vector<double>;

/// A zero of each sign, a denormal number of each sign, the infinities, NaN.
inline const List kSpecialValues = {0.0, -0.0, 5e-39, -5e-39, kInfinity, -kInfinity, kNaN};

/// Values stated for a unary operator on floats.
struct UnaryRow {
  std::string_view op;
  List x, y;
  List special = {};          ///< of kSpecialValues
  double low = -2, high = 2;  ///< for generated samples; smooth in that range
  Attributes attributes = {};
};

/// Values stated for a binary operator.
struct BinaryRow {
  std::string_view op;
  List a, b, y;
  double low = -2, high = 2;
  DType dtype = DType::kF32;
};

void AddUnary(const UnaryRow& row, FamilySamples& family);
void AddBinary(const BinaryRow& row, FamilySamples& family);

/// A tie, kink or limit of a unary operator: what PyTorch gives.
OpSample Kink(std::string_view op, List x, List y, List gradient, Attributes attributes = {});
/// The same of a binary operator.
OpSample Kink2(std::string_view op, List a, List b, List y, List gradient_a, List gradient_b);

}  // namespace descent
