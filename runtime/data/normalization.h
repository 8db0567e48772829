// Normalization of a model input: y = (x - shift) * factor for each position of the first axis
// after the batch axis (the feature of [batch, features], the channel of [batch, channels, height,
// width]).
//
//   standardize  shift = mean, factor = 1 / standard deviation (of the population)
//   min_max      shift = minimum, factor = 1 / (maximum - minimum)
//   scale        factor = the model's number; nothing to fit
//
// A position without spread gets factor 1. Fitted on the training split alone, in f64; the
// checkpoint keeps it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/data/dataset.h"

namespace descent::runtime {

struct Normalization {
  std::vector<double> shift, factor;  ///< one per position; both empty: none
  bool active() const { return !factor.empty(); }
  /// Whether all positions have one shift and factor.
  bool uniform() const;
};

/// Number of positions of an input.
int64_t NormalizationPositions(const descent_input& input);

bool NeedsFit(const descent_input& input);

/// Normalization that needs no data: none or scale.
Normalization FixedNormalization(const descent_input& input);

/// Values of one or several columns, concatenated along the row: [rows, sum of row_elements].
using ColumnList = std::vector<const Column*>;

Normalization FitNormalization(const descent_input& input, const ColumnList& columns,
                               const std::vector<int64_t>& rows);

}  // namespace descent::runtime
