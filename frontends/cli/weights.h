// Parameters from a file, for every command that takes them: run, diff, compile, plot.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "frontends/cli/command.h"
#include "ir/diagnostic.h"
#include "ir/model.h"
#include "runtime/checkpoint.h"

namespace descent::cli {

/// The flags of a command that takes parameters from a file.
struct WeightsFlags {
  std::string file;
  std::vector<std::string> renames;  ///< "OLD=NEW", perhaps with one * each: "encoder.*=*"
  std::string origin = {};           ///< OriginOf the model that takes them; the command sets it
  std::string flag = {};             ///< "--weights"; Options sets it
  /// State that the file may lack, which keeps the model's values then.
  std::set<std::string, std::less<>> optional = {};

  /// The option of these names, and "--rename".
  std::vector<Option> Options(std::string names, std::string doc);
  bool given() const { return !file.empty(); }
  /// Fails where there are renames and no file.
  Result<void> Check() const;
};

/// `model` is configured: settings may change what it computes.
///
/// A trainer's checkpoint, or any safetensors file. It must have every parameter and statistic of
/// the model, and what it has of the model's state in the right type and shape. A checkpoint of a
/// model with further parameters is refused; a file of another origin may hold more. How it
/// was trained does not matter (`--set optimizer=adam`, another batch size). A checkpoint of a
/// model with another prediction hash is taken with a warning on standard error, unless it has the
/// same origin or its normalization does not fit the inputs.
///
/// Tensors that are renamed are of another origin, whatever the file is.
Result<runtime::Weights> ReadWeights(const WeightsFlags& flags, const Model& model);

/// The values that the model gives its state as the bytes of a safetensors file.
runtime::Bytes ValuesOf(const Model& model);

}  // namespace descent::cli
