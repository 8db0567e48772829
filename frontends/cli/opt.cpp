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
  if (!arguments.passes.empty()) return SplitPasses(arguments.passes);
  if (model.entry.empty() && arguments.entry.empty())
    return UsageError("the standard passes need an entry point",
                      fmt::format("--entry {}, or --passes", "train_step"));
  return StandardPasses(model, arguments.stage.empty() ? "optimized" : arguments.stage);
}

Result<ExitStatus> Opt(const OptArguments& arguments) {
  if (arguments.list) return ListPasses();
  if (arguments.model.empty())
    return UsageError("MODEL is missing", "`descent opt --list` shows the passes");
  // Only the entry point initialize holds the values of parameters.
  const bool initializes =
      arguments.entry == "initialize" || arguments.passes.find("initialize") != std::string::npos;
  DESCENT_TRY(read, initializes ? LoadModel(arguments.model) : ReadModel(arguments.model));
  DESCENT_TRY(model, ApplySettings(std::move(read), arguments.model_flags.settings));
  DESCENT_TRY(passes, WantedPasses(arguments, model));
  std::vector<PassTime> times;
  PipelineOptions options;
  options.pass.entry = arguments.entry;
  options.pass.batch = arguments.model_flags.batch;
  options.pass.evaluate_batch = arguments.model_flags.evaluate_batch;
  options.pass.predict_batch = arguments.model_flags.predict_batch;
  DESCENT_TRY(disabled, DisabledPasses(arguments.disabled));
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
  OptionGroup passes = {"Passes",
                        {{.names = "--passes",
                          .value = "A,B,...",
                          .doc = "the passes to run, in order; specialize takes the entry point: "
                                 "specialize(train_step)",
                          .destination = &arguments->passes},
                         {.names = "--stage",
                          .value = "STAGE",
                          .doc = "run the standard passes up to this stage (default optimized)",
                          .destination = &arguments->stage,
                          .choices = StageNames()},
                         EntryOption(&arguments->entry),
                         {.names = "--disable-pass",
                          .value = "P",
                          .doc = "skip a pass; may be repeated",
                          .destination = &arguments->disabled,
                          .comma_list = true},
                         {.names = "--list",
                          .value = "",
                          .doc = "list the passes in the order of the pipeline and exit",
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
          .run = [arguments] { return Opt(*arguments); }};
}

}  // namespace descent::cli
