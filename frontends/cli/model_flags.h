// How a model is read and what is made of it before any pass: symbolic extents of an ONNX file, and
// a task for a model that has none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/graph/attach_task.h"
#include "frontends/cli/command.h"
#include "frontends/onnx/import.h"
#include "ir/model.h"

namespace descent::cli {

struct ModelFlags {
  std::vector<std::string> dims;  ///< "batch=32"
  std::string loss, optimizer;
  std::vector<std::string> freeze, train;
  bool reinitialize = false;
  std::optional<int64_t> class_axis = {};
  int64_t batch = 0;  ///< rows, as `--batch` says; 0: the model's own
  /// What the model will be given: axes of an ONNX file without a number have their extents.
  std::vector<onnx::InputShape> inputs = {};
  /// Every floating-point initializer of an ONNX file is a parameter, for its gradient.
  bool all_parameters = false;

  /// "--dim"
  Option DimOption();
  /// "--dim", "--loss", "--class-axis", "--optimizer", "--freeze", "--train", "--reinitialize";
  /// destinations are members.
  std::vector<Option> Options();

  /// A model in any form of file, as it stands there.
  Result<Model> Read(const std::string& path) const;
  /// The model with what the other options say. Those of training fail where nothing trains.
  Result<Model> Apply(Model model) const;

 private:
  bool GivesTask() const { return !loss.empty() || !optimizer.empty(); }
  Result<void> CheckTask(const Model& model) const;
  Result<void> CheckPatterns(const Model& model) const;
};

}  // namespace descent::cli
