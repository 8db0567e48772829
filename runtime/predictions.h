// Predictions of a model for all rows of a data set, and their two file forms.
//
//   x1,x2 in; class,probability out:   .csv, with the class names of training
//   the numbers alone:                 .npy, one prediction of the model
#pragma once

#include <string>
#include <vector>

#include "runtime/data/array.h"
#include "runtime/data/prepared.h"
#include "runtime/program.h"

namespace descent::runtime {

struct PredictedOutput {
  const descent_output* output;
  Array values;  ///< [rows, ...]
};

/// Runs the entry `predict` (of a model without loss: `run`) over all rows.
Result<std::vector<PredictedOutput>> PredictAll(const descent_entry& entry,
                                                const Executor& executor, const State& state,
                                                const PreparedData* prepared);

/// A probability gives the columns class and probability; probabilities give class and one column
/// per class; any other value its elements. With several predictions, columns begin with the
/// prediction's name.
std::string PredictionsCsv(const std::vector<PredictedOutput>& predictions,
                           const std::vector<std::string>& class_names);

}  // namespace descent::runtime
