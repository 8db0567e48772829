// `descent tune`: schedules of a model's contractions that are faster than the cost model's.

#include <algorithm>
#include <memory>

#include "compiler/compile.h"
#include "compiler/tuning.h"
#include "frontends/cli/bench/measured_model.h"
#include "frontends/cli/commands.h"
#include "frontends/cli/compile_flags.h"
#include "frontends/cli/files.h"
#include "frontends/cli/model_input.h"
#include "frontends/cli/temporary_folder.h"
#include "frontends/cli/tune/tune_run.h"
#include "runtime/interrupt.h"

namespace descent::cli {
namespace {

struct TuneArguments {
  std::string model, output, entry, seconds;
  int64_t threads = 0;
  bool quiet = false, versions = false;
  CompileFlags flags;
};

constexpr std::string_view kStopped = "stopped: interrupted; nothing was written\n";
constexpr double kUsualSeconds = 60;
constexpr std::string_view kEnding = ".tune";

Result<ExitStatus> TuneModel(const TuneArguments& arguments) {
  TuneSetting setting = {.quiet = arguments.quiet, .lists_versions = arguments.versions};
  DESCENT_TRY(seconds, SecondsOf(arguments.seconds, kUsualSeconds));
  setting.seconds = seconds;
  DESCENT_RETURN_IF_ERROR(CheckEnding(arguments.output, "descent tune", {kEnding}));
  std::vector<runtime::NamedFile> read;
  DESCENT_TRY(model, LoadMeasuredModel(arguments.model, arguments.flags.model, &read));
  DESCENT_TRY(options, arguments.flags.Options());
  DESCENT_TRY(source, Configure(model, options));
  DESCENT_TRY(entry, EntryOf(source, arguments.entry, {"train_step", "run", "predict"}));
  setting.run = {entry, arguments.threads};
  DESCENT_TRY(prefix, SymbolPrefix(source, options));
  const std::string path =
      arguments.output.empty() ? prefix + std::string(kEnding) : arguments.output;
  DESCENT_RETURN_IF_ERROR(CheckOutput(path, read));
  const runtime::InterruptWatch watch(runtime::SecondSignal::kWaits);
  DESCENT_TRY(folder, TemporaryFolder::Make());
  auto outcome = RunTune(model, std::move(options), setting, std::move(folder), watch);
  if (watch.interrupted()) {
    PrintError("{}", kStopped);
    return ExitStatus::kInterrupted;
  }
  if (!outcome) return std::unexpected(outcome.error());
  DESCENT_RETURN_IF_ERROR(WriteOutput(path, PrintTuning(outcome->tuning)));
  const TuneReport& report = outcome->report;
  const std::string written = fmt::format(
      "{}: {}\n", path, Counted(std::ssize(outcome->tuning.targets.at(report.target)), "choice"));
  if (path == "-")
    PrintError("{}", ReportText(report));
  else
    Print("{}{}", ReportText(report), written);
  return ExitStatus::kGood;
}

}  // namespace

Command TuneCommand() {
  auto arguments = std::make_shared<TuneArguments>();
  OptionGroup options = {
      "Tuning",
      {OutputOption(&arguments->output, "where to write (default: the model's name with .tune)"),
       ThreadsOption(&arguments->threads),
       {.names = "--seconds",
        .value = "S",
        .doc = "about how long to measure (default 60); what is measured at all takes some rounds, "
               "however long these are",
        .destination = &arguments->seconds},
       MeasuredEntryOption(&arguments->entry),
       {.names = "--versions",
        .value = "",
        .doc = "list on standard error each version that was measured, the model's first",
        .destination = &arguments->versions},
       {.names = "-q,--quiet",
        .value = "",
        .doc = "no progress on standard error",
        .destination = &arguments->quiet}}};
  return {
      .name = "tune",
      .summary = "search for faster schedules of a model's contractions",
      .description =
          "Measures, for each matrix product and convolution of the entry point, other register "
          "tiles, "
          "blocks and lanes than those that the cost model takes, and writes to a file which were "
          "faster by more than 3%. `--tuning FILE` of compile, train, bench and inspect uses "
          "them. Candidates come from the generator that the cost model ranks, and change no bit "
          "of "
          "any result: with and without a tuning, executables write the same checkpoints.\n\n"
          "Kernels run alone and in turn on made-up data, the whole step with and without all "
          "choices afterwards; if the step becomes slower, the file holds no choices. A choice "
          "is for one target and for all kernels of any model that do the same with the same "
          "extents and layouts, and is best for the number of threads that it was measured on.",
      .arguments = {MeasuredModelArgument(&arguments->model)},
      .groups = {std::move(options), arguments->flags.Group()},
      .examples = {{"descent tune model.descent -o model.tune && descent compile model.descent "
                    "--tuning model.tune -o trainer",
                    "measure, then compile"},
                   {"descent tune resnet18 --batch 8 --seconds 300",
                    "a ready model; writes resnet18.tune"},
                   {"descent bench model.descent --tuning model.tune --profile",
                    "where does the time go now?"}},
      .subject = &arguments->model,
      .run = [arguments] { return TuneModel(*arguments); }};
}

}  // namespace descent::cli
