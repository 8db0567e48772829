// `descent grad`: vector-Jacobian products of a model's outputs.

#include <algorithm>
#include <memory>
#include <set>

#include "compiler/graph/differentiate.h"
#include "compiler/graph/gradient_model.h"
#include "frontends/cli/commands.h"
#include "frontends/cli/compile_flags.h"
#include "frontends/cli/files.h"
#include "frontends/cli/model_input.h"
#include "frontends/cli/run/execution_flags.h"
#include "frontends/cli/run/output_folder.h"

namespace descent::cli {
namespace {

struct GradArguments {
  std::string model, folder;
  std::vector<std::string> inputs;
  ExecutionFlags execution;
  CompileFlags compile;
};

/// The gradient model's inputs for what arrives at the outputs.
std::vector<const InputBinding*> CotangentsOf(const Model& source, const Model& gradient) {
  std::vector<const InputBinding*> cotangents;
  for (const InputBinding& input : gradient.inputs)
    if (source.FindInput(input.name) == nullptr) cotangents.push_back(&input);
  return cotangents;
}

/// How many cotangents are given: named ones, and what stands behind the places of the inputs.
size_t CountCotangents(const Model& source, const Model& gradient,
                       const std::vector<InputArgument>& inputs) {
  size_t cotangents = 0, in_order = 0, places = source.inputs.size();
  for (const InputArgument& input : inputs) {
    if (input.name.empty()) {
      ++in_order;
    } else if (source.FindInput(input.name) != nullptr) {
      places -= std::min<size_t>(places, 1);
    } else if (gradient.FindInput(input.name) != nullptr) {
      ++cotangents;
    }
  }
  return cotangents + (in_order > places ? in_order - places : 0);
}

/// Each floating-point output needs a cotangent. Without any a model of one number has the gradient
/// of that number.
Result<void> AddCotangents(const Model& source, const Model& gradient,
                           std::vector<InputArgument>& inputs) {
  const std::vector<const InputBinding*> cotangents = CotangentsOf(source, gradient);
  if (cotangents.empty())
    return InputError(fmt::format("model {} has no floating-point output, so it has no gradient",
                                  Quoted(source.name)));
  std::vector<std::string> names;
  for (const InputBinding* cotangent : cotangents) names.push_back(cotangent->name);
  const std::string order = fmt::format("{}", fmt::join(names, ", "));
  const size_t given = CountCotangents(source, gradient, inputs);
  if (given == 0 && (cotangents.size() != 1 || cotangents[0]->type.elements() != 1))
    return UsageError(
        fmt::format("the gradients that arrive at the outputs are missing: {}", order),
        "give one file for each floating-point output behind the inputs: "
        "descent grad MODEL INPUT.npy ... -- COTANGENT.npy ...");
  if (given > 0 && given != cotangents.size())
    return UsageError(
        fmt::format("{} given behind {}, but the model has {}",
                    Counted(static_cast<int64_t>(given), "cotangent"),
                    Counted(static_cast<int64_t>(source.inputs.size()), "input"),
                    Counted(static_cast<int64_t>(cotangents.size()), "floating-point output")),
        fmt::format("each floating-point output has one, in order: {}", order));
  if (given == 0)
    inputs.push_back({.name = names[0], .value = Tensor::Full(cotangents[0]->type, 1)});
  return {};
}

/// Numbers and initializers that nothing reads have gradients, but `plain`, the model of every
/// other command, does not know them as parameters: files of weights need not have them.
std::set<std::string, std::less<>> OptionalWeights(const Model& source, const Model& plain) {
  std::set<std::string, std::less<>> names;
  for (const Slot& slot : source.slots)
    if (plain.FindSlot(slot.name) == nullptr) names.insert(slot.name);
  return names;
}

Result<ExitStatus> Grad(const GradArguments& arguments) {
  DESCENT_RETURN_IF_ERROR(arguments.execution.Check());
  std::vector<runtime::NamedFile> read;
  DESCENT_TRY(inputs, ReadInputs(arguments.inputs));
  ModelFlags flags = arguments.compile.model;
  flags.all_parameters = true;
  DESCENT_TRY(source, LoadModelFor(inputs, arguments.model, flags, &read));
  DESCENT_TRY(options, arguments.compile.Options());
  DESCENT_TRY(configured, Configure(source, options));
  DESCENT_TRY(gradient, GradientModel(configured));
  options.settings.clear();
  options.batch = options.evaluate_batch = options.predict_batch = 0;
  DESCENT_RETURN_IF_ERROR(AddCotangents(source, gradient, inputs));
  ExecutionRequest request{.inputs = inputs, .all_inputs = true, .options = options};
  arguments.execution.Fill(request);
  if (request.weights.given()) {
    DESCENT_TRY(plain, LoadModelFor(inputs, arguments.model, arguments.compile.model));
    request.weights.optional = OptionalWeights(source, plain);
    request.weights.origin = OriginOf(plain, arguments.model);
  }
  DESCENT_TRY(execution, Prepare(gradient, request));
  DESCENT_TRY(values, arguments.execution.Run(execution, false));
  if (arguments.folder.empty()) {
    for (const NamedTensor& value : values.outputs) PrintTensor(value);
    return ExitStatus::kGood;
  }
  std::vector<OutputFile> files;
  for (const NamedTensor& value : values.outputs)
    files.push_back({FileOf(arguments.folder, "grad_" + value.name.substr(GradientName("").size())),
                     &value, ""});
  read.push_back({"--weights", arguments.execution.weights.file});
  DESCENT_RETURN_IF_ERROR(WriteFiles(arguments.folder, std::move(read), inputs, files));
  return ExitStatus::kGood;
}

}  // namespace

Command GradCommand() {
  auto arguments = std::make_shared<GradArguments>();
  OptionGroup options = {
      "Options",
      {{.names = "-o,--output",
        .value = "DIR",
        .doc = "write the gradients to DIR/grad_NAME.npy instead of printing them",
        .destination = &arguments->folder,
        .completion = Completion::kDirectory}}};
  const std::vector<Option> how = arguments->execution.Options("the gradients");
  options.options.insert(options.options.end(), how.begin(), how.end());
  return {.name = "grad",
          .summary = "gradients of a model's outputs",
          .description =
              "Computes vector-Jacobian products: of the gradients that arrive at the outputs (the "
              "cotangents) those of all floating-point inputs, parameters and statistics, and of "
              "an ONNX file those of every floating-point initializer: zeros where no output "
              "depends on it. INPUTs "
              "are those of `descent run`, then a cotangent for each floating-point output in "
              "order; `--` may stand between them. Without cotangents a model with a single number "
              "as output has the gradient of that number. What `run` computes is differentiated: "
              "dropout keeps everything, normalizations use their running statistics.",
          .arguments = {ModelArgument(&arguments->model),
                        {.names = "INPUT",
                         .value = "",
                         .doc = "FILE.npy, NAME=FILE.npy or NAME=[...]; cotangents likewise, named "
                                "cotangent.OUTPUT",
                         .destination = &arguments->inputs,
                         .completion = Completion::kFile}},
          .groups = {std::move(options), arguments->compile.Group()},
          .examples = {{"descent grad model.descent x.npy -- g.npy -o out",
                        "out/grad_x.npy, out/grad_W.npy"},
                       {"descent grad loss.onnx x.npy y.npy", "the gradient of a loss"}},
          .subject = &arguments->model,
          .run = [arguments] { return Grad(*arguments); }};
}

}  // namespace descent::cli
