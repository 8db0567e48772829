// `descent opt`: runs graph passes one by one and prints what they give.

#include <memory>

#include "compiler/graph/pipeline.h"
#include "compiler/settings.h"
#include "frontends/cli/commands.h"
#include "frontends/cli/compile_flags.h"
#include "frontends/cli/files.h"
#include "frontends/cli/load_model.h"
#include "frontends/cli/model_input.h"
#include "ir/io/model_file.h"
#include "ir/io/text_printer.h"

namespace descent::cli {
namespace {

struct OptArguments {
  std::string model, passes, stage, entry, output;
  std::vector<std::string> disabled;
  CompileFlags model_flags;
  bool print_after_all = false, print_changed = false, verify_each = false, time_passes = false;
  bool list = false;
};

struct PassTime {
  std::string name;
  double seconds;
};

Result<ExitStatus> ListPasses() {
  for (const Pass& pass : Passes()) Print("{:<18} {}\n", pass.name, pass.description);
  return ExitStatus::kGood;
}

void PrintTimes(const std::vector<PassTime>& times) {
  double total = 0;
  for (const PassTime& time : times) total += time.seconds;
  PrintError("# pass times\n");
  for (const PassTime& time : times)
    PrintError("# {:>9.3f} ms {:>5.1f}%  {}\n", time.seconds * 1e3,
               total > 0 ? time.seconds / total * 100 : 0, time.name);
  PrintError("# {:>9.3f} ms 100.0%  total\n", total * 1e3);
}

/// A pass's result as --print-after-all and --print-changed show it: on standard error, so that
/// standard output stays a model.
void PrintAfter(const OptArguments& arguments, const PassReport& report) {
  if (!arguments.print_after_all && !(arguments.print_changed && report.changed)) {
    if (arguments.print_changed) PrintError("# after {}: no change\n\n", report.name);
    return;
  }
  PrintError("# after {}{}\n{}\n", report.name, report.changed ? "" : ": no change",
             PrintText(report.after));
}

Result<std::vector<std::string>> WantedPasses(const OptArguments& arguments, const Model& model) {
  if (arguments.passes.empty())
    return StandardPasses(model, arguments.stage.empty() ? "optimized" : arguments.stage);
  if (!arguments.stage.empty()) return UsageError("--passes and --stage exclude each other");
  std::vector<std::string> passes = SplitPasses(arguments.passes);
  for (const std::string& pass : passes)
    DESCENT_RETURN_IF_ERROR(RefuseUnknownPass(pass.substr(0, pass.find('('))));
  for (const std::string& pass : passes)
    if (!arguments.entry.empty() && pass.starts_with("specialize(") &&
        pass != fmt::format("specialize({})", arguments.entry))
      return UsageError(
          fmt::format("--passes {} and --entry {} exclude each other", pass, arguments.entry));
  return passes;
}

Result<std::set<std::string>> SkippedPasses(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    DESCENT_RETURN_IF_ERROR(RefuseUnknownPass(name));
    if (name == "specialize") return UsageError("pass specialize cannot be skipped");
  }
  return std::set<std::string>(names.begin(), names.end());
}

/// Without the parameters that lie in files of their own.
Result<Model> ReadSource(const std::string& path, const ModelFlags& flags) {
  DESCENT_TRY(model, flags.Read(path));
  return flags.Apply(std::move(model));
}

Result<ExitStatus> Opt(const OptArguments& arguments) {
  if (arguments.list) return ListPasses();
  if (arguments.model.empty())
    return UsageError("MODEL is missing", "`descent opt --list` shows the passes");
  // Only the entry point initialize holds the values of parameters.
  const bool initializes =
      arguments.entry == "initialize" || arguments.passes.find("initialize") != std::string::npos;
  std::vector<runtime::NamedFile> files;
  const ModelFlags& flags = arguments.model_flags.model;
  DESCENT_TRY(read, initializes ? LoadModel(arguments.model, flags, &files)
                                : ReadSource(arguments.model, flags));
  if (!initializes) files = FilesOf(read, arguments.model);
  DESCENT_RETURN_IF_ERROR(CheckOutput(arguments.output, files));
  DESCENT_RETURN_IF_ERROR(CheckEnding(arguments.output, "descent opt", {".descent"}));
  DESCENT_TRY(model, ApplySettings(read, arguments.model_flags.settings));
  DESCENT_TRY(passes, WantedPasses(arguments, model));
  std::vector<PassTime> times;
  PipelineOptions options;
  DESCENT_TRY(entry, EntryOf(model, arguments.entry, {"train_step", "run"}));
  options.pass.entry = std::move(entry);
  options.pass.batch = arguments.model_flags.model.batch;
  options.pass.evaluate_batch = arguments.model_flags.evaluate_batch;
  options.pass.predict_batch = arguments.model_flags.predict_batch;
  options.pass.precision = arguments.model_flags.Precision();
  DESCENT_TRY(disabled, SkippedPasses(arguments.disabled));
  options.disabled = std::move(disabled);
  options.verify_each = arguments.verify_each;
  options.after_pass = [&](const PassReport& report) {
    times.push_back({std::string(report.name), report.seconds});
    PrintAfter(arguments, report);
  };
  DESCENT_TRY(result, RunPasses(model, passes, options));
  DESCENT_RETURN_IF_ERROR(WriteOutput(arguments.output, PrintText(result)));
  if (arguments.time_passes) PrintTimes(times);
  return ExitStatus::kGood;
}

std::vector<std::string> StageNames() {
  std::vector<std::string> names;
  for (const GraphStage& stage : GraphStages()) names.emplace_back(stage.name);
  return names;
}

}  // namespace

Command OptCommand() {
  auto arguments = std::make_shared<OptArguments>();
  OptionGroup passes = {
      "Passes",
      {{.names = "--passes",
        .value = "A,B,...",
        .doc = "the passes to run, in order; specialize takes the entry point: "
               "specialize(train_step)",
        .destination = &arguments->passes,
        .offers = PassNames()},
       {.names = "--stage",
        .value = "STAGE",
        .doc = "run the standard passes up to this stage (default optimized)",
        .destination = &arguments->stage,
        .choices = StageNames()},
       EntryOption(&arguments->entry, "train_step; run of a model without a loss"),
       {.names = "--disable-pass",
        .value = "P",
        .doc = "skip a pass; may be repeated",
        .destination = &arguments->disabled,
        .comma_list = true,
        .offers = PassNames()},
       {.names = "--list",
        .value = "",
        .doc = "list the passes and exit; --time-passes shows the order in which they run",
        .destination = &arguments->list}}};
  OptionGroup printing = {
      "Printing and checking",
      {{.names = "--print-after-all",
        .value = "",
        .doc = "print the model after every pass (to standard error)",
        .destination = &arguments->print_after_all},
       {.names = "--print-changed",
        .value = "",
        .doc = "print it after passes that changed it (to standard error)",
        .destination = &arguments->print_changed},
       {.names = "--verify-each",
        .value = "",
        .doc = "check the invariants after every pass",
        .destination = &arguments->verify_each},
       {.names = "--time-passes",
        .value = "",
        .doc = "print how long each pass took (to standard error)",
        .destination = &arguments->time_passes},
       OutputOption(&arguments->output, "where to write (default: standard output)")}};
  OptionGroup model = {"Model", arguments->model_flags.ModelOptions()};
  Option argument = ModelArgument(&arguments->model);
  argument.required = false;
  return {.name = "opt",
          .summary = "run graph passes and print the result",
          .description =
              "Runs graph passes on a model and prints the result in the text form, which every "
              "command reads again: passes piped one by one give what the pipeline gives. Without "
              "--passes the standard pipeline runs.",
          .arguments = {argument},
          .groups = {std::move(passes), std::move(printing), std::move(model)},
          .examples = {{"descent opt --passes 'specialize(train_step),differentiate' model.descent",
                        "see the gradients"},
                       {"descent opt --entry train_step --print-changed model.descent -o /dev/null",
                        "watch the standard passes"}},
          .subject = &arguments->model,
          .run = [arguments] { return Opt(*arguments); }};
}

}  // namespace descent::cli
