// Samples whose operands hold rows of a batch along an axis: random graphs with padded rows are
// made of them.
//
//   matmul(f32[3, 4], f32[4, 2])  ->  matmul(f32[rows, 4], f32[4, 2]) with row axes 0 and -1
#pragma once

#include <optional>
#include <vector>

#include "tests/compiler/oracle/sample_variation.h"

namespace descent {

struct Batch {
  int64_t rows = 0;   ///< 0: no batch
  int64_t valid = 0;  ///< rows that are not padding: 1 to rows
};

struct RowSample {
  OpSample sample;
  std::vector<int> operand_axes, result_axes;  ///< -1: no rows
};

/// `sample` with rows along an axis of some operands, in a way that keeps rows apart or has a rule
/// for padded ones; rarely in one that has not, which the compiler must refuse. The operator takes
/// any number of rows. Nullopt where no way was found.
std::optional<RowSample> WithRows(const OpSample& sample, const Batch& batch, Random& random);

}  // namespace descent
