// `descent bench`: how fast a compiled model is, beside what the machine could do.

#include <algorithm>
#include <chrono>
#include <memory>

#include "compiler/compile.h"
#include "compiler/graph/flops.h"
#include "frontends/cli/bench/bench_program.h"
#include "frontends/cli/bench/first_figures.h"
#include "frontends/cli/bench/measured_model.h"
#include "frontends/cli/bench/report.h"
#include "frontends/cli/commands.h"
#include "frontends/cli/compile_flags.h"
#include "frontends/cli/files.h"
#include "frontends/cli/load_model.h"
#include "frontends/cli/temporary_folder.h"
#include "runtime/interrupt.h"

namespace descent::cli {
namespace {

struct BenchArguments {
  std::string model, entry, seconds;
  int64_t threads = 0;
  bool json = false, profile = false;
  CompileFlags flags;
};

constexpr std::string_view kStopped = "stopped: interrupted\n";
constexpr double kUsualSeconds = 3;

/// One model, compiled as often as it takes.
class Bench {
 public:
  Bench(const BenchArguments& arguments, double seconds, TemporaryFolder folder,
        const runtime::InterruptWatch& watch)
      : arguments_(arguments), seconds_(seconds), folder_(std::move(folder)), watch_(watch) {}

  Result<BenchReport> Measure() {
    DESCENT_TRY(program, CompileAll());
    DESCENT_RETURN_IF_ERROR(CheckFirst(program));
    DESCENT_TRY(measured, program.Time(run_, seconds_));
    report_.measured = measured;
    if (arguments_.profile) DESCENT_RETURN_IF_ERROR(Profile());
    return std::move(report_);
  }

 private:
  /// What `descent compile` does, and takes.
  Result<BenchProgram> CompileAll() {
    const auto start = std::chrono::steady_clock::now();
    DESCENT_TRY(model, LoadMeasuredModel(arguments_.model, arguments_.flags.model));
    DESCENT_TRY(options, arguments_.flags.Options());
    options_ = std::move(options);
    DESCENT_TRY(source, Configure(model, options_));
    DESCENT_TRY(entry, EntryOf(source, arguments_.entry, {"train_step", "run", "predict"}));
    run_ = {entry, arguments_.threads};
    if (source.entry.empty()) {
      DESCENT_TRY(form, OnnxFormOf(source, arguments_.model));
      options_.onnx = std::move(form);
    }
    DESCENT_TRY(compilation, Compile(model, options_));
    WarnOfOtherTargets(options_, {&compilation, 1});
    DESCENT_TRY(program, BenchProgram::Write(compilation, options_, folder_.File("bench"), watch_));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    report_.compile_seconds = took.count();
    report_.workload = compilation.source.name;
    report_.entry = run_.entry;
    report_.target = compilation.target->name;
    const auto measured =
        std::ranges::find(compilation.program.entries, entry, &EntryProgram::name);
    report_.flops =
        ModelFlops(compilation.entries[measured - compilation.program.entries.begin()].graph);
    options_.onnx.reset();
    model_ = std::move(model);
    return program;
  }

  Result<void> CheckFirst(const BenchProgram& program) {
    CompileOptions options = OfOneEntry(options_, model_, run_.entry);
    options.disabled_passes.insert({std::string(kFusePass), std::string(kWinogradPass)});
    options.tuning.reset();
    DESCENT_TRY(compilation, Compile(model_, options));
    DESCENT_TRY(unfused,
                BenchProgram::Write(compilation, options, folder_.File("unfused"), watch_));
    DESCENT_TRY(reference, unfused.Figures(run_, kMoves));
    DESCENT_TRY(fused, program.Figures(run_, 0));
    report_.first = fused.front();
    return Compare(reference, report_.first, run_.entry);
  }

  Result<void> Profile() {
    CompileOptions options = OfOneEntry(options_, model_, run_.entry);
    options.reports_calls = true;
    DESCENT_TRY(compilation, Compile(model_, options));
    DESCENT_TRY(program,
                BenchProgram::Write(compilation, options, folder_.File("profile"), watch_));
    DESCENT_TRY(profile, program.Profile(run_, seconds_));
    const auto entry =
        std::ranges::find(compilation.program.entries, run_.entry, &EntryProgram::name);
    report_.kernels = KernelRows(compilation.program, *entry, profile);
    report_.profile = std::move(profile);
    return {};
  }

  const BenchArguments& arguments_;
  const double seconds_;
  TemporaryFolder folder_;
  const runtime::InterruptWatch& watch_;
  Model model_;
  CompileOptions options_;
  BenchProgram::Run run_;
  BenchReport report_;
};

Result<ExitStatus> RunBench(const BenchArguments& arguments) {
  DESCENT_TRY(seconds, SecondsOf(arguments.seconds, kUsualSeconds));
  const runtime::InterruptWatch watch(runtime::SecondSignal::kWaits);
  DESCENT_TRY(folder, TemporaryFolder::Make());
  auto report = Bench(arguments, seconds, std::move(folder), watch).Measure();
  if (watch.interrupted()) {
    PrintError("{}", kStopped);
    return ExitStatus::kInterrupted;
  }
  if (!report) return std::unexpected(report.error());
  Print("{}", arguments.json ? ReportJson(*report) : ReportText(*report));
  return ExitStatus::kGood;
}

}  // namespace

Command BenchCommand() {
  auto arguments = std::make_shared<BenchArguments>();
  OptionGroup compilation = arguments->flags.Group();
  compilation.options.push_back(arguments->flags.TuningOption());
  OptionGroup options = {"Measuring",
                         {ThreadsOption(&arguments->threads),
                          {.names = "--seconds",
                           .value = "S",
                           .doc = "how long to measure (default 3)",
                           .destination = &arguments->seconds},
                          MeasuredEntryOption(&arguments->entry),
                          {.names = "--profile",
                           .value = "",
                           .doc = "list the kernels, too, by the time that they take",
                           .destination = &arguments->profile},
                          {.names = "--json",
                           .value = "",
                           .doc = "print one line of JSON",
                           .destination = &arguments->json}}};
  return {
      .name = "bench",
      .summary = "time a compiled model beside what the machine can do",
      .description =
          "Compiles the model into a temporary executable and measures that: the time of a step as "
          "training does it (dropout active, parameters updated, the loss read), of compiling, "
          "memory, and the rate beside the multiply-adds that the same threads do in registers. "
          "The rate counts the operations that the model means, whatever its kernels make of them. "
          "Data is made up: indices below their limit, numbers in their range or normal. What "
          "the first three steps give is first compared with the model compiled without fusion; "
          "the exit status is 5 if it differs by more than rounding explains.\n\n"
          "The profile has a line for each kernel. Its roofline is the time that the kernel "
          "would take if it computed at that peak and moved each tensor once as fast as a "
          "block as large as state and arena can be copied, whichever is slower; the column says "
          "how much of the kernel's time that is.",
      .arguments = {MeasuredModelArgument(&arguments->model)},
      .groups = {std::move(options), std::move(compilation)},
      .examples = {{"descent bench model.descent", "one thread per core"},
                   {"descent bench lenet --batch 32", "a ready model"},
                   {"descent model gpt --width 256 --depth 6 | descent bench -",
                    "one of another size"},
                   {"descent bench model.descent --threads 1 --profile", "where does the time go?"},
                   {"descent bench model.descent --entry predict --predict-batch 1 --json",
                    "prediction of one row, for a script"}},
      .subject = &arguments->model,
      .run = [arguments] { return RunBench(*arguments); }};
}

}  // namespace descent::cli
