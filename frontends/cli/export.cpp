// `descent export`: a model's predictions as ONNX.

#include <memory>

#include "frontends/cli/commands.h"
#include "frontends/cli/compile_flags.h"
#include "frontends/cli/files.h"
#include "frontends/cli/load_model.h"
#include "frontends/cli/model_input.h"
#include "frontends/cli/run/execution.h"
#include "frontends/onnx/export.h"

namespace descent::cli {
namespace {

struct ExportArguments {
  std::string model, output;
  WeightsFlags weights;
  int64_t seed = 1;
  ModelFlags flags;
};

Result<ExitStatus> Export(const ExportArguments& arguments) {
  DESCENT_RETURN_IF_ERROR(arguments.weights.Check());
  std::vector<runtime::NamedFile> read = {{"--weights", arguments.weights.file}};
  DESCENT_TRY(model, LoadModel(arguments.model, arguments.flags, &read));
  DESCENT_RETURN_IF_ERROR(CheckOutput(arguments.output, read));
  DESCENT_RETURN_IF_ERROR(CheckEnding(arguments.output, "descent export", {".onnx"}));
  DESCENT_TRY(configured, Configure(std::move(model), {}));
  WeightsFlags weights = arguments.weights;
  if (weights.given()) weights.origin = OriginOf(configured, arguments.model);
  DESCENT_TRY(state, StateOf(configured, weights, arguments.seed));
  DESCENT_TRY(form, OnnxFormOf(configured, arguments.model));
  DESCENT_TRY(bytes, onnx::Complete(form, state));
  DESCENT_RETURN_IF_ERROR(WriteOutput(arguments.output, bytes));
  return ExitStatus::kGood;
}

}  // namespace

Command ExportCommand() {
  auto arguments = std::make_shared<ExportArguments>();
  return {
      .name = "export",
      .summary = "write a model's predictions as ONNX",
      .description =
          "Writes the inference graph with its parameters as an ONNX file of operator set 18: "
          "the predictions of a model that trains, else all outputs. Operators that ONNX lacks "
          "are written as those that they are made of; what has no form there is refused with "
          "exit status 3. An ONNX model is written as it is, with these parameters. Executables "
          "have this command, too: `./trainer export`.",
      .arguments = {ModelArgument(&arguments->model)},
      .groups = {{"Options",
                  {OutputOption(&arguments->output, "where to write (default: standard output)"),
                   SeedOption(&arguments->seed, "seed of initializers (default 1)"),
                   arguments->flags.DimOption()}},
                 {"Parameters", arguments->weights.Options("--weights,--checkpoint",
                                                           "parameters instead of the "
                                                           "initializers")}},
      .examples = {{"descent export model.descent --checkpoint c.safetensors -o model.onnx",
                    "for onnxruntime and everything else that reads ONNX"}},
      .subject = &arguments->model,
      .run = [arguments] { return Export(*arguments); }};
}

}  // namespace descent::cli
