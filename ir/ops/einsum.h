// Subscripts of an einsum, and the order in which its operands are contracted.
//
//   ParseSubscripts("bij,bjk->bik", operands)  ->  labels {b, i, j}, {b, j, k} -> {b, i, k}
//
// A label stands for one axis of the whole computation; labels are numbered from 0. An ellipsis
// stands for as many labels as its operand has other axes, aligned at the last.
#pragma once

#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ir/diagnostic.h"
#include "ir/type.h"

namespace descent {

using Labels = std::vector<int>;

struct Subscripts {
  std::vector<Labels> operands;  ///< one label per axis
  Labels result;
  std::vector<int64_t> extents;  ///< by label; where extents 1 broadcast, the other one
};

/// Checks the equation against the operands' shapes.
Result<Subscripts> ParseSubscripts(const std::string& equation,
                                   std::span<const TensorType> operands);

/// Most operands: keeps planning short.
inline constexpr int kMaxEinsumOperands = 32;

/// Pairs to contract one after the other, the result of a pair being appended to the list of
/// operands: of least cost for few operands, else the cheapest pair each time. The cost of a pair
/// is the number of its products.
std::vector<std::pair<int, int>> ContractionOrder(std::span<const std::set<int>> operands,
                                                  const std::set<int>& result,
                                                  std::span<const int64_t> extents);

}  // namespace descent
