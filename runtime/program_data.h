// The data a program works on: what the command line names, split, with class numbers as in
// training.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/checkpoint.h"
#include "runtime/data/prepared.h"
#include "runtime/data/split.h"

namespace descent::runtime {

struct DataOptions {
  std::string data, test_data;  ///< SPEC of --data and --test-data; empty: not given
  std::optional<double> validation_split, test_split;
  std::optional<int64_t> seed;
};

/// Options that the checkpoint already decides must not contradict it; those not given are taken
/// from it.
Result<SplitOptions> ResolveSplits(const DataOptions& options, const TrainingRecord* known);

/// Nothing when `inputs` is empty: the model needs no data. `known` is the record of the checkpoint
/// in use, or null.
Result<std::optional<SplitData>> LoadSplitData(const std::vector<const descent_input*>& inputs,
                                               const DataOptions& options,
                                               const SplitOptions& splits,
                                               const TrainingRecord* known);

/// What a checkpoint remembers of the data; normalizations fitted on the training rows.
Result<Provenance> DescribeData(const std::vector<const descent_input*>& inputs,
                                const SplitData* data, const SplitOptions& splits);

/// Feature columns by name, where the data names them; else empty.
std::vector<std::string> FeatureNames(const std::vector<const descent_input*>& inputs,
                                      const Dataset& data);

/// Class names of the label, or empty.
const std::vector<std::string>& LabelClasses(const Provenance& provenance);

}  // namespace descent::runtime
