// Parameters from a file, for every command that takes them: run, diff, compile, plot.
#pragma once

#include <string>

#include "ir/diagnostic.h"
#include "ir/model.h"
#include "runtime/checkpoint.h"

namespace descent::cli {

/// `model` is configured: settings may change what it computes.
///
/// A trainer's checkpoint, or any safetensors file. It must have every parameter and statistic of
/// the model, and what it has of the model's state in the right type and shape. A checkpoint of a
/// model with further parameters is refused; a file of another origin may hold more. How it
/// was trained does not matter (`--set optimizer=adam`, another batch size). A checkpoint of a
/// model with another prediction hash is taken with a warning on standard error, unless its
/// normalization does not fit the inputs.
Result<runtime::Weights> ReadWeights(const std::string& path, const Model& model);

}  // namespace descent::cli
