#include "frontends/cli/model_flags.h"

#include <algorithm>
#include <charconv>
#include <limits>

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
          {.names = "--class-axis",
           .value = "N",
           .doc = "of --loss cross_entropy and nll: the axis of the output that holds the classes, "
                  "from the end where negative (1: [batch, classes, ...], as in PyTorch; -1: "
                  "[batch, ..., classes], as in Keras); without it the softmax of the output or "
                  "the weights of the last layer tell",
           .destination = &class_axis,
           .minimum = std::numeric_limits<int64_t>::min()},
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
           .doc = "train only the parameters of this name (fc.*); a full name trains also what an "
                  "ONNX file has as a number or buffer; may be repeated",
           .destination = &train},
          {.names = "--reinitialize",
           .value = "",
           .doc = "fresh values for the parameters that are trained, except scalars",
           .destination = &reinitialize}};
}

Result<Model> ModelFlags::Read(const std::string& path) const {
  DESCENT_TRY(options, ImportOptionsOf(dims));
  options.inputs = inputs;
  options.parameters = {train.begin(), train.end()};
  options.all_parameters = all_parameters;
  options.for_task = GivesTask();
  if (onnx::IsOnnxName(path)) {
    options.batch = batch == 0 ? kRows : batch;
    options.batch_is_guess = batch == 0;
    DESCENT_TRY(model, onnx::ImportModel(path, options));
    // Training needs rows of data, and says where they are mixed.
    if (GivesTask() || model.batch == 0) return model;
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

Result<void> ModelFlags::CheckTask(const Model& model) const {
  if (class_axis && !IsOfClasses(loss))
    return UsageError("--class-axis is for a loss of classes",
                      "add --loss cross_entropy or --loss nll, or leave it out");
  if (GivesTask() || model.has_loss()) return {};
  const std::string_view flag = !freeze.empty()  ? "--freeze"
                                : !train.empty() ? "--train"
                                : reinitialize   ? "--reinitialize"
                                                 : "";
  if (flag.empty()) return {};
  return UsageError(
      fmt::format("{} is for training, and nothing trains model {}", flag, Quoted(model.name)),
      "add --loss LOSS, or --optimizer NAME where the first output is the loss");
}

/// A pattern of --train of which --freeze leaves nothing contradicts it.
Result<void> ModelFlags::CheckPatterns(const Model& model) const {
  for (const std::string& pattern : train) {
    std::string frozen, by;
    bool is_trained = false;
    for (const Slot& slot : model.slots) {
      if (slot.kind != SlotKind::kParameter || !MatchesPattern(pattern, slot.name)) continue;
      const auto place = std::ranges::find_if(
          freeze, [&](const std::string& each) { return MatchesPattern(each, slot.name); });
      is_trained |= place == freeze.end();
      if (is_trained) break;
      frozen = slot.name;
      by = *place;
    }
    if (!is_trained && !frozen.empty())
      return UsageError(fmt::format("parameter {} is both trained, by --train {}, and frozen, by "
                                    "--freeze {}",
                                    Quoted(frozen), Quoted(pattern), Quoted(by)),
                        "leave out one of them");
  }
  return {};
}

Result<Model> ModelFlags::Apply(Model model) const {
  DESCENT_RETURN_IF_ERROR(CheckTask(model));
  DESCENT_RETURN_IF_ERROR(CheckPatterns(model));
  DESCENT_RETURN_IF_ERROR(ChooseTrained(model, freeze, train));
  if (reinitialize) Reinitialize(model);
  if (!GivesTask()) return model;
  DESCENT_TRY(attached, AttachTask(model, {.loss = loss,
                                           .optimizer = optimizer.empty() ? "adam" : optimizer,
                                           .class_axis = class_axis}));
  DESCENT_RETURN_IF_ERROR(FreezeWithoutDerivative(attached, train));
  return attached;
}

}  // namespace descent::cli
