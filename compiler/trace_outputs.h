// Every named value as an output, so that a compiled model can show what the interpreter's trace
// shows.
#pragma once

#include <string>
#include <vector>

#include "ir/model.h"

namespace descent {

/// Names that AddTraceOutputs adds, in the order of computation: values that are no leaves and no
/// outputs yet.
std::vector<std::string> TraceNames(const Model& model);

/// The model with those outputs behind its own.
Result<Model> AddTraceOutputs(const Model& model);

}  // namespace descent
