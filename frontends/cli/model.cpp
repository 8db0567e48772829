// `descent model`: ready models, built of layers, with parameters for their size.

#include <algorithm>
#include <list>
#include <memory>
#include <optional>

#include "frontends/cli/commands.h"
#include "frontends/cli/files.h"
#include "frontends/cli/help.h"
#include "frontends/cli/load_model.h"
#include "frontends/cli/model_input.h"
#include "frontends/cpp/models/ready_models.h"
#include "ir/io/model_file.h"

namespace descent::cli {
namespace {

/// A size as the command line gives it.
struct SizeFlag {
  std::string_view name;
  std::optional<int64_t> value;
};

struct ModelArguments {
  std::string name, output;
  bool list = false;
  std::list<SizeFlag> sizes;  ///< options point into it
};

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const nn::ReadyModel& ready : nn::ReadyModels()) names.emplace_back(ready.name);
  return names;
}

/// One paragraph a model: what it is, then its sizes with their defaults.
std::string List() {
  std::string text;
  for (const nn::ReadyModel& ready : nn::ReadyModels()) {
    std::vector<std::string> sizes;
    for (const nn::Size& size : ready.sizes)
      sizes.push_back(fmt::format("--{} {}", size.name, size.value));
    text += fmt::format("{:<20} {}\n{:<20} {}\n", ready.name, ready.doc, "", fmt::join(sizes, " "));
  }
  return text;
}

Result<ExitStatus> BuildModel(const ModelArguments& arguments) {
  if (arguments.list) {
    Print("{}", WrapLines(List()));
    return ExitStatus::kGood;
  }
  if (arguments.name.empty())
    return UsageError("NAME is missing", "`descent model --list` shows the models");
  const nn::ReadyModel* ready = nn::FindReadyModel(arguments.name);
  if (ready == nullptr) {
    std::string hint = DidYouMean(arguments.name, Names());
    if (hint.empty()) hint = "`descent model --list` shows the models";
    return UsageError(fmt::format("there is no ready model {}", Quoted(arguments.name)),
                      std::move(hint));
  }
  std::vector<nn::Size> given;
  for (const SizeFlag& size : arguments.sizes)
    if (size.value) given.push_back({size.name, *size.value});
  DESCENT_TRY(model, nn::BuildReadyModel(*ready, given));
  DESCENT_TRY(content,
              SerializeModel(model, FormOfName(arguments.output).value_or(ModelForm::kText)));
  DESCENT_RETURN_IF_ERROR(WriteOutput(arguments.output, content));
  if (!arguments.output.empty() && arguments.output != "-")
    Print("{}: model {}, {}, {}\n", arguments.output, model.name,
          Counted(static_cast<int64_t>(model.graph.nodes().size()), "node"),
          Counted(ParameterElements(model), "parameter"));
  return ExitStatus::kGood;
}

OptionGroup SizeOptions(ModelArguments& arguments) {
  OptionGroup group = {"Size (--list shows what each model has)", {}};
  for (const nn::SizeInfo& info : nn::SizeInfos()) {
    arguments.sizes.push_back({.name = info.name, .value = {}});
    group.options.push_back({.names = fmt::format("--{}", info.name),
                             .value = "N",
                             .doc = std::string(info.doc),
                             .destination = &arguments.sizes.back().value,
                             .minimum = 1});
  }
  return group;
}

}  // namespace

Command ModelCommand() {
  auto arguments = std::make_shared<ModelArguments>();
  return {.name = "model",
          .summary =
              "write a ready model: perceptrons, convolutional and recurrent networks, "
              "Transformers",
          .description =
              "Writes a known architecture as a model of Descent, with loss, optimizer, metric and "
              "prediction: to be read, changed, compiled and trained. Layers, first values and "
              "hyperparameters are those usual in PyTorch, and parameters have its names.",
          .arguments = {{.names = "NAME",
                         .value = "",
                         .doc = "a ready model",
                         .destination = &arguments->name,
                         .offers = Names()}},
          .groups = {{"Options",
                      {OutputOption(&arguments->output,
                                    "where to write, in the form of its name (default: text to "
                                    "standard output)"),
                       {.names = "--list",
                        .value = "",
                        .doc = "list the models with their sizes and exit",
                        .destination = &arguments->list}}},
                     SizeOptions(*arguments)},
          .examples = {{"descent model lenet -o lenet.descent", "a network for 28x28 images"},
                       {"descent model mlp --width 64 --depth 3 | descent inspect -",
                        "how large is it?"}},
          .run = [arguments] { return BuildModel(*arguments); }};
}

}  // namespace descent::cli
