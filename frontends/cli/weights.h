// Parameters from a file, for every command that takes them: run, diff, compile, plot.
#pragma once

#include <string>

#include "ir/diagnostic.h"
#include "ir/model.h"
#include "runtime/checkpoint.h"

namespace descent::cli {

/// A trainer's checkpoint, or any safetensors file. It must have every parameter and statistic of
/// the model, and what it has of the model's state in the right type and shape. A checkpoint of a
/// model with further parameters is refused; a file of another origin may hold more. Optimizers do
/// not matter: the checkpoint may come from `--set optimizer=adam`.
Result<runtime::Weights> ReadWeights(const std::string& path, const Model& model);

}  // namespace descent::cli
