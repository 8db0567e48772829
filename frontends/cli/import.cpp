// `descent import`: an ONNX model as one of Descent's.

#include <algorithm>
#include <filesystem>
#include <memory>

#include "frontends/cli/commands.h"
#include "frontends/cli/files.h"
#include "frontends/cli/load_model.h"
#include "frontends/cli/model_flags.h"
#include "frontends/cli/model_input.h"
#include "frontends/cli/weights.h"
#include "frontends/onnx/import.h"
#include "ir/io/model_file.h"

namespace descent::cli {
namespace {

namespace fs = std::filesystem;

struct ImportArguments {
  std::string model, output;
  bool operators = false;
  ModelFlags flags;
};

/// Where the parameters of a model go that a person may read; "" for those of the model's own file.
fs::path ParameterFile(const std::string& output) {
  const std::optional<ModelForm> form = FormOfName(output);
  if (output.empty() || output == "-" || form == ModelForm::kBinary) return {};
  return fs::path(output).replace_extension(".safetensors");
}

/// Moves the values of all slots into the bytes of a file of that name.
runtime::Bytes TakeParameters(Model& model, const std::string& name) {
  runtime::Bytes bytes = ValuesOf(model);
  for (Slot& slot : model.slots)
    if (slot.initializer.data) slot.initializer = {.file = name};
  return bytes;
}

std::string_view TextOf(const runtime::Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// One line for each operator: "Add 1-6: axis broadcast; 7-28".
ExitStatus ListOperators() {
  std::string line, last;
  for (const onnx::SupportedOperator& each : onnx::SupportedOperators()) {
    std::string name =
        fmt::format("{}{}{}", each.domain, each.domain.empty() ? "" : "::", each.name);
    if (name != last) {
      Print("{}", line.empty() ? line : line + "\n");
      line = name;
    } else {
      line += ";";
    }
    line += fmt::format(" {}-{}{}{}", each.since, each.until, each.attributes.empty() ? "" : ": ",
                        fmt::join(each.attributes, " "));
    last = std::move(name);
  }
  Print("{}\n", line);
  return ExitStatus::kGood;
}

Result<ExitStatus> Import(const ImportArguments& arguments) {
  if (arguments.operators) return ListOperators();
  if (arguments.model.empty())
    return UsageError("MODEL is missing", "`descent import --operators` shows what can be read");
  DESCENT_TRY(file, arguments.flags.Read(arguments.model));
  const std::vector<runtime::NamedFile> read = FilesOf(file, arguments.model);
  const fs::path parameters = ParameterFile(arguments.output);
  DESCENT_RETURN_IF_ERROR(CheckOutput(arguments.output, read));
  DESCENT_RETURN_IF_ERROR(
      CheckEnding(arguments.output, "descent import", {".descent", ".pb", ".pbtxt"}));
  DESCENT_RETURN_IF_ERROR(CheckOutput(parameters.empty() ? "-" : parameters.string(), read));
  DESCENT_TRY(model, arguments.flags.Apply(std::move(file)));
  const std::string summary =
      fmt::format("model {}, {}, {}", model.name,
                  Counted(static_cast<int64_t>(model.graph.nodes().size()), "node"),
                  Counted(ParameterElements(model), "parameter"));
  const bool has_values = std::ranges::any_of(
      model.slots, [](const Slot& slot) { return slot.initializer.data.has_value(); });
  if (!parameters.empty() && has_values)
    DESCENT_RETURN_IF_ERROR(WriteOutput(
        parameters.string(), TextOf(TakeParameters(model, parameters.filename().string()))));
  const ModelForm form = FormOfName(arguments.output).value_or(ModelForm::kText);
  DESCENT_TRY(content, SerializeModel(model, form));
  DESCENT_RETURN_IF_ERROR(WriteOutput(arguments.output, content));
  if (arguments.output.empty() || arguments.output == "-") return ExitStatus::kGood;
  Print("{}: {}", arguments.output, summary);
  if (!parameters.empty() && has_values) Print(", values in {}", parameters.string());
  Print("\n");
  return ExitStatus::kGood;
}

}  // namespace

Command ImportCommand() {
  auto arguments = std::make_shared<ImportArguments>();
  Option argument = ModelArgument(&arguments->model);
  argument.required = false;
  return {.name = "import",
          .summary = "write an ONNX model as one of Descent's",
          .description =
              "Reads an ONNX model (operator sets 1 to 28) and writes it in Descent's operators. "
              "Floating-point initializers become parameters; beside a text model their values go "
              "to a safetensors file of its name. Everything that is not supported is listed, with "
              "exit status 3. Other commands take ONNX files directly, too.",
          .arguments = {argument},
          .groups = {{"Options",
                      {OutputOption(&arguments->output,
                                    "where to write, in the form of its name (default: text to "
                                    "standard output, values included)"),
                       {.names = "--operators",
                        .value = "",
                        .doc = "list the ONNX operators that can be read, one a line: versions of "
                               "the operator set, attributes",
                        .destination = &arguments->operators}}},
                     {"Model", arguments->flags.Options()}},
          .examples = {{"descent import resnet.onnx -o resnet.descent",
                        "resnet.descent and resnet.safetensors"},
                       {"descent import classifier.onnx --dim batch=32 --loss cross_entropy "
                        "--optimizer adamw -o classifier.descent",
                        "a model to train"}},
          .subject = &arguments->model,
          .run = [arguments] { return Import(*arguments); }};
}

}  // namespace descent::cli
