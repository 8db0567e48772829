// How a model is read and what is made of it before any pass: symbolic extents of an ONNX file, and
// a task for a model that has none.
#pragma once

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
  int64_t batch = 0;  ///< rows, as `--batch` says; 0: the model's own
  /// What the model will be given: axes of an ONNX file without a number have their extents.
  std::vector<onnx::InputShape> inputs = {};

  /// "--dim"
  Option DimOption();
  /// "--dim", "--loss", "--optimizer", "--freeze", "--train", "--reinitialize"; destinations are
  /// members.
  std::vector<Option> Options();

  /// A model in any form of file, as it stands there.
  Result<Model> Read(const std::string& path) const;
  /// The model with what the other options say.
  Result<Model> Apply(Model model) const;
};

}  // namespace descent::cli
