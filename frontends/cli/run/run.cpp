// `descent run`: one call of an entry point, compiled into this process or interpreted.

#include <algorithm>
#include <memory>

#include "compiler/trace_outputs.h"
#include "frontends/cli/commands.h"
#include "frontends/cli/compile_flags.h"
#include "frontends/cli/files.h"
#include "frontends/cli/model_input.h"
#include "frontends/cli/run/execution_flags.h"
#include "frontends/cli/run/output_folder.h"

namespace descent::cli {
namespace {

struct RunArguments {
  std::string model, folder, entry;
  std::vector<std::string> inputs;
  bool trace = false;
  ExecutionFlags execution;
  CompileFlags compile;
};

/// The compiled program computes what its outputs need, and that not always as written.
void NoteOptimizedAway(const Execution& execution, const Values& values) {
  std::vector<std::string> gone;
  for (const std::string& name : TraceNames(execution.model))
    if (std::ranges::find(values.traced, name, &NamedTensor::name) == values.traced.end())
      gone.push_back(name);
  if (!gone.empty())
    PrintError("note: optimized away: {} (--interpreter computes all)\n", fmt::join(gone, ", "));
}

/// output_0.npy, output_1.npy, ...; the next state likewise under the slots' names.
std::vector<OutputFile> OutputFiles(const std::string& folder, const Values& values) {
  std::vector<OutputFile> files;
  for (size_t i = 0; i < values.outputs.size(); ++i)
    files.push_back({FileOf(folder, fmt::format("output_{}", i)), &values.outputs[i],
                     values.outputs[i].name + " "});
  for (const NamedTensor& value : values.next)
    files.push_back({FileOf(folder, value.name), &value, ""});
  return files;
}

Result<ExitStatus> Run(const RunArguments& arguments) {
  DESCENT_RETURN_IF_ERROR(arguments.execution.Check());
  std::vector<runtime::NamedFile> read;
  DESCENT_TRY(inputs, ReadInputs(arguments.inputs));
  DESCENT_TRY(model, LoadModelFor(inputs, arguments.model, arguments.compile.model, &read));
  ExecutionRequest request{.entry = arguments.entry, .all_inputs = true};
  arguments.execution.Fill(request);
  if (request.weights.given()) request.weights.origin = OriginOf(model, arguments.model);
  request.inputs = std::move(inputs);
  DESCENT_TRY(options, arguments.compile.Options());
  request.options = std::move(options);
  DESCENT_TRY(execution, Prepare(model, request));
  DESCENT_TRY(values, arguments.execution.Run(execution, arguments.trace));
  for (const NamedTensor& value : values.traced) PrintTensor(value);
  if (arguments.trace) NoteOptimizedAway(execution, values);
  if (!arguments.folder.empty()) {
    read.push_back({"--weights", arguments.execution.weights.file});
    DESCENT_RETURN_IF_ERROR(WriteFiles(arguments.folder, std::move(read), request.inputs,
                                       OutputFiles(arguments.folder, values)));
    return ExitStatus::kGood;
  }
  for (const NamedTensor& value : values.outputs) PrintTensor(value);
  for (const NamedTensor& value : values.next) PrintTensor(value);
  return ExitStatus::kGood;
}

}  // namespace

Command RunCommand() {
  auto arguments = std::make_shared<RunArguments>();
  OptionGroup options = {
      "Options",
      {EntryOption(&arguments->entry, "predict; run of a model without a loss"),
       {.names = "-o,--output",
        .value = "DIR",
        .doc = "write the outputs to DIR/output_0.npy, ... instead of printing them",
        .destination = &arguments->folder,
        .completion = Completion::kDirectory},
       {.names = "--trace",
        .value = "",
        .doc = "print every named value in the order of computation",
        .destination = &arguments->trace}}};
  const std::vector<Option> how = arguments->execution.Options("the entry point");
  options.options.insert(options.options.end(), how.begin(), how.end());
  return {
      .name = "run",
      .summary = "run one entry point on given inputs",
      .description =
          "Calls an entry point once: `run` of a model without loss, `predict` of one that "
          "trains, or what --entry says. Inputs are NPY files in the order in which the model "
          "declares them, or by name: x=FILE.npy, or literally x=[[1, 2], [3, 4]] (what begins "
          "with a bracket or a number; a file of such a name is ./NAME), read as exactly as a "
          "constant of the model. The number of rows of the inputs is the batch, and axes of an "
          "ONNX model that have a name instead of a number have the extents of the inputs. "
          "These are what the graph reads: where the model "
          "normalizes data, normalized numbers. Prints the outputs, and after them the state "
          "that the call replaced.",
      .arguments = {ModelArgument(&arguments->model),
                    {.names = "INPUT",
                     .value = "",
                     .doc = "FILE.npy, NAME=FILE.npy or NAME=[...]",
                     .destination = &arguments->inputs,
                     .completion = Completion::kFile}},
      .groups = {std::move(options), arguments->compile.Group()},
      .examples = {{"descent run model.descent x.npy -o out", "predict; out/output_0.npy"},
                   {"descent run --interpreter --trace --entry train_step model.descent "
                    "'x=[[1, 2]]' 'y=[[1]]'",
                    "forward, backward and update, value by value"}},
      .subject = &arguments->model,
      .run = [arguments] { return Run(*arguments); }};
}

}  // namespace descent::cli
