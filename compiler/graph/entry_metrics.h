// The entry point metrics: from the sums that evaluate adds up over all batches to the values
// shown.
//
// Inputs "metric.<name>" in the order of evaluate's outputs, outputs "<name>".
#pragma once

#include <vector>

#include "compiler/graph/pass_options.h"
#include "ir/model.h"

namespace descent {

Result<Model> MetricsEntry(Model model, const PassOptions& options);

/// The loss, then the model's metrics.
std::vector<Metric> ReportedMetrics(const Model& model);

}  // namespace descent
