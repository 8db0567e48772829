// Random cases for the oracle: graphs with their gradients, some with those of the gradients;
// models with parameters, a loss and an optimizer that are trained for a few steps; and either on a
// batch with padded rows.
#pragma once

#include <cstdint>

#include "tests/compiler/oracle/check.h"
#include "tests/compiler/oracle/row_samples.h"

namespace descent {

/// The same on every machine for the same seed.
OracleCase RandomCase(uint64_t seed);

OracleCase RandomRunCase(uint64_t seed);
/// Nullopt where nothing in the graph can be trained.
std::optional<OracleCase> RandomTrainingCase(uint64_t seed, const Batch& batch = {});
/// The rows behind the valid ones are spoilt. Nullopt where no value holds rows.
std::optional<OracleCase> RandomPaddedCase(uint64_t seed);

/// A model whose entry point `run` is the whole graph, in training mode. Inputs have no batch axis.
Model RunModelOf(Graph graph);

}  // namespace descent
