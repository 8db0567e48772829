#include "frontends/cli/model_flags.h"

#include <charconv>

#include "compiler/graph/optimizers.h"
#include "compiler/graph/specialize.h"
#include "ir/io/model_file.h"

namespace descent::cli {
namespace {

/// Rows of an ONNX model that says nothing of them.
constexpr int64_t kRows = 32;

std::vector<std::string> OptimizerNames() {
  std::vector<std::string> names;
  for (const Optimizer& optimizer : Optimizers()) names.emplace_back(optimizer.name);
  return names;
}

/// "batch=32"
Result<onnx::ImportOptions> ImportOptionsOf(const std::vector<std::string>& dims) {
  onnx::ImportOptions options;
  for (const std::string& dim : dims) {
    const size_t equals = dim.rfind('=');
    int64_t extent = -1;
    const char* end = dim.data() + dim.size();
    if (equals == std::string::npos || equals == 0 ||
        std::from_chars(dim.data() + equals + 1, end, extent).ptr != end || extent < 0)
      return UsageError(fmt::format("--dim takes NAME=N, not {}", Quoted(dim)));
    const auto [place, is_new] = options.dims.emplace(dim.substr(0, equals), extent);
    if (!is_new && place->second != extent)
      return UsageError(fmt::format("--dim gives {} two extents, {} and {}", Quoted(place->first),
                                    place->second, extent));
  }
  return options;
}

}  // namespace

Option ModelFlags::DimOption() {
  return {.names = "--dim",
          .value = "NAME=N",
          .doc =
              "of an ONNX model: the extent of the axes that have this name instead of a number; "
              "may be repeated; where inputs are given, their extents count",
          .destination = &dims};
}

std::vector<Option> ModelFlags::Options() {
  return {DimOption(),
          {.names = "--loss",
           .value = "LOSS",
           .doc = "train a model that has no `train` statement: the loss of its first output and a "
                  "target, which the label column gives",
           .destination = &loss,
           .choices = TaskLosses()},
          {.names = "--optimizer",
           .value = "NAME",
           .doc = "the optimizer of that task (default adam); alone: the first output is the loss",
           .destination = &optimizer,
           .choices = OptimizerNames()},
          {.names = "--freeze",
           .value = "PATTERN",
           .doc = "do not train the parameters of this name (conv*); may be repeated",
           .destination = &freeze},
          {.names = "--train",
           .value = "PATTERN",
           .doc = "train only the parameters of this name (fc.*); may be repeated",
           .destination = &train},
          {.names = "--reinitialize",
           .value = "",
           .doc = "fresh values for the parameters that are trained",
           .destination = &reinitialize}};
}

Result<Model> ModelFlags::Read(const std::string& path) const {
  DESCENT_TRY(options, ImportOptionsOf(dims));
  options.inputs = inputs;
  if (onnx::IsOnnxName(path)) {
    options.batch = batch == 0 ? kRows : batch;
    options.batch_is_guess = batch == 0;
    DESCENT_TRY(model, onnx::ImportModel(path, options));
    // Training needs rows of data, and says where they are mixed.
    if (!loss.empty() || !optimizer.empty() || model.batch == 0) return model;
    ForgetBatchOfMixedRows(model);
    if (model.batch > 0 || !inputs.empty()) return model;
    // The axis is none of rows: its extent must be said.
    options.batch = 0;
    DESCENT_RETURN_IF_ERROR(onnx::ImportModel(path, options));
    return model;
  }
  if (!dims.empty())
    return UsageError(fmt::format("--dim is for ONNX models, but {} is none", Quoted(path)));
  return ReadModel(path);
}

Result<Model> ModelFlags::Apply(Model model) const {
  DESCENT_RETURN_IF_ERROR(ChooseTrained(model, freeze, train));
  if (reinitialize) Reinitialize(model);
  if (loss.empty() && optimizer.empty()) return model;
  return AttachTask(model, {.loss = loss, .optimizer = optimizer.empty() ? "adam" : optimizer});
}

}  // namespace descent::cli
