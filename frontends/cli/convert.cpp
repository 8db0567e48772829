// `descent convert`: between the three forms of a model file.

#include <algorithm>
#include <memory>

#include "frontends/cli/commands.h"
#include "frontends/cli/files.h"
#include "frontends/cli/load_model.h"
#include "frontends/cli/model_flags.h"
#include "frontends/cli/model_input.h"
#include "ir/io/model_file.h"

namespace descent::cli {
namespace {

struct ConvertArguments {
  std::string model, output, form;
  ModelFlags flags;
};

/// The forms as --to names them.
struct Form {
  std::string_view name;
  ModelForm form;
};
constexpr Form kForms[] = {
    {"text", ModelForm::kText}, {"pb", ModelForm::kBinary}, {"pbtxt", ModelForm::kProtoText}};

std::vector<std::string> FormNames() {
  std::vector<std::string> names;
  for (const Form& form : kForms) names.emplace_back(form.name);
  return names;
}

Result<ModelForm> WantedForm(const ConvertArguments& arguments) {
  if (!arguments.form.empty()) return std::ranges::find(kForms, arguments.form, &Form::name)->form;
  if (arguments.output.empty() || arguments.output == "-") return ModelForm::kText;
  if (const auto form = FormOfName(arguments.output)) return *form;
  return UsageError(fmt::format("no form of a model ends like {}", Quoted(arguments.output)),
                    "--to says which form it shall have");
}

Result<ExitStatus> Convert(const ConvertArguments& arguments) {
  DESCENT_TRY(form, WantedForm(arguments));
  DESCENT_TRY(model, arguments.flags.Read(arguments.model));
  DESCENT_RETURN_IF_ERROR(CheckOutput(arguments.output, FilesOf(model, arguments.model)));
  DESCENT_TRY(content, SerializeModel(model, form));
  DESCENT_RETURN_IF_ERROR(WriteOutput(arguments.output, content));
  return ExitStatus::kGood;
}

}  // namespace

Command ConvertCommand() {
  auto arguments = std::make_shared<ConvertArguments>();
  return {
      .name = "convert",
      .summary = "convert a model between text, binary proto and proto text",
      .description =
          "Reads a model in any form and writes it in another: text (.descent), binary proto (.pb) "
          "or proto text (.pbtxt). Without --to the name of the output decides; standard output "
          "gets "
          "text. Converting text to text prints the canonical form; comments stay.",
      .arguments = {ModelArgument(&arguments->model)},
      .groups = {{"Options",
                  {OutputOption(&arguments->output, "where to write (default: standard output)"),
                   {.names = "--to",
                    .value = "FORM",
                    .doc = "the form to write",
                    .destination = &arguments->form,
                    .choices = FormNames()},
                   arguments->flags.DimOption()}}},
      .examples = {{"descent convert model.descent -o model.pb", "for programs that read protobuf"},
                   {"descent convert model.pb", "print it as text"}},
      .subject = &arguments->model,
      .run = [arguments] { return Convert(*arguments); }};
}

}  // namespace descent::cli
