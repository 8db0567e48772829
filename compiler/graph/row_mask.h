// Keeps the padding of a partial batch out of everything that mixes rows.
//
// Rows [valid_rows, batch) of the inputs are padding and may hold anything. An operator that mixes
// rows is replaced by what its `mask_rows` gives; one without that rule is an error naming the
// node. Rows are removed by select, so a NaN in a padded row stays there:
//
//   loss = mean(l)   ->   loss = sum(where(i0 < valid_rows, l, 0)) / valid_rows
#pragma once

#include "ir/model.h"

namespace descent {

struct RowMaskOptions {
  /// Replace the padding of float inputs by row 0, too: gradients of weights add up products over
  /// all rows, and 0 * NaN is NaN. Integer inputs (labels, ids) are always replaced.
  bool repeat_floats = false;
};

/// For specialized models with a batch above 1; others have no padding.
Result<Graph> BindRowMask(const Model& model, const RowMaskOptions& options);

}  // namespace descent
