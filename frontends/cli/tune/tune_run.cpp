#include "frontends/cli/tune/tune_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <utility>

#include "frontends/cli/bench/measured_model.h"
#include "frontends/cli/command.h"
#include "frontends/cli/files.h"
#include "frontends/cpp/runtime_result.h"

namespace descent::cli {
namespace {

/// What the search, of the given time, leaves to measuring whole steps.
constexpr double kShareOfSteps = 0.3;
/// Contractions that take less of their common time are left alone.
constexpr double kWorthSearching = 0.01;
constexpr int64_t kLeastTurns = 5, kMostTurns = 15;
constexpr double kLeastTurnSeconds = 0.05;
/// Share of the usual step's time from which on the tuned one is slower.
constexpr double kSlower = 1.01;
/// More than what any cache keeps.
constexpr int64_t kMostWorkingSet = int64_t{128} << 20;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// To the bit; NaN is as NaN.
bool AreSame(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(
      a, b, [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

class Tune {
 public:
  Tune(CompileOptions options, const TuneSetting& setting, TemporaryFolder folder,
       const runtime::InterruptWatch& watch)
      : options_(std::move(options)), given_(setting), folder_(std::move(folder)), watch_(watch) {}

  Result<TuneOutcome> Run(const Model& model) {
    options_ = OfOneEntry(std::move(options_), model, given_.run.entry);
    DESCENT_TRY(compilation, Compile(model, options_));
    Describe(compilation);
    DESCENT_RETURN_IF_ERROR(SearchAll(compilation));
    Tuning tuning = Choices();
    if (!Chosen(tuning).empty()) {
      DESCENT_RETURN_IF_ERROR(MeasureSteps(model, compilation, tuning));
      report_.kept = report_.steps->slower < report_.steps->turns;
      if (!report_.kept) Chosen(tuning).clear();
    }
    return TuneOutcome{std::move(report_), std::move(tuning)};
  }

 private:
  struct Work {
    const Kernel* kernel;
    const KernelCall* call;
  };

  const EntryProgram& EntryOfRun(const Compilation& compilation) const {
    return *std::ranges::find(compilation.program.entries, given_.run.entry, &EntryProgram::name);
  }

  void Describe(const Compilation& compilation) {
    const EntryProgram& entry = EntryOfRun(compilation);
    report_.model = compilation.source.name;
    report_.entry = given_.run.entry;
    report_.target = compilation.target->name;
    report_.batch = entry.batch;
    const int64_t bytes = compilation.program.state_bytes + entry.arena_bytes;
    setting_ = {.target = compilation.target,
                .watch = &watch_,
                .working_set_bytes = std::min(bytes, kMostWorkingSet)};
  }

  /// The contractions of the steps, and how often each runs.
  void Collect(const KernelProgram& program, const std::vector<Step>& steps, int64_t times) {
    for (const Step& step : steps) {
      if (const auto* call = std::get_if<KernelCall>(&step.what)) Add(program, *call, times);
      const auto* loop = std::get_if<Loop>(&step.what);
      for (const std::vector<Step>* inner : InnerSteps(step))
        Collect(program, *inner, loop == nullptr ? times : times * loop->trip_count);
    }
  }

  void Add(const KernelProgram& program, const KernelCall& call, int64_t times) {
    const Kernel& kernel = program.kernels[call.kernel];
    if (!kernel.is<ContractionForm>()) return;
    std::string key = KeyOf(kernel);
    auto row = std::ranges::find(report_.rows, key, &TunedRow::key);
    if (row == report_.rows.end()) {
      works_[key] = {&kernel, &call};
      report_.rows.push_back(
          {.name = kernel.name.substr(program.prefix.size() + 1), .key = std::move(key)});
      row = report_.rows.end() - 1;
    }
    row->calls += times;
  }

  void Progress(const std::string& line) const {
    if (!given_.quiet) PrintError("{}\n", line);
  }

  Result<void> SearchAll(const Compilation& compilation) {
    DESCENT_TRY(executor,
                FromRuntime(runtime::Executor::Make(static_cast<int32_t>(given_.run.threads),
                                                    runtime::BindCaller::kYes)));
    report_.threads = executor->threads();
    setting_.executor = executor.get();
    Collect(compilation.program, EntryOfRun(compilation).steps, 1);
    DESCENT_TRY(total, TimeAll());
    for (TunedRow& row : report_.rows) {
      const double own = row.result.usual_seconds * static_cast<double>(row.calls);
      if (own < kWorthSearching * total) continue;
      const double seconds = given_.seconds * (1 - kShareOfSteps) * own / total;
      const Work& work = works_.at(row.key);
      DESCENT_TRY(found, SearchChoice(*work.kernel, *work.call, seconds, setting_));
      row.result = found;
      row.searched = true;
      Progress(fmt::format("{}: {:.2f} us, {:.2f} us with {}", row.name, found.usual_seconds * 1e6,
                           found.seconds * 1e6, ToString(found.choice)));
      if (!given_.lists_versions) continue;
      Progress(fmt::format("{:10.2f} us  {}", found.usual_seconds * 1e6,
                           ToString(ChoiceOf(*work.kernel))));
      for (const auto& [choice, least] : found.others)
        Progress(fmt::format("{:10.2f} us  {}", least * 1e6, ToString(choice)));
    }
    return {};
  }

  /// As the model schedules them; gives the seconds of all calls, and sorts by them.
  Result<double> TimeAll() {
    double total = 0;
    for (TunedRow& row : report_.rows) {
      if (watch_.interrupted()) return ErrorWithStatus(ExitStatus::kInterrupted, "interrupted");
      const Work& work = works_.at(row.key);
      DESCENT_TRY(seconds, TimeAsScheduled(*work.kernel, *work.call, setting_));
      row.result = {.choice = ChoiceOf(*work.kernel), .usual_seconds = seconds, .seconds = seconds};
      total += seconds * static_cast<double>(row.calls);
    }
    std::ranges::stable_sort(report_.rows, std::greater<>(), [](const TunedRow& row) {
      return row.result.usual_seconds * static_cast<double>(row.calls);
    });
    return total;
  }

  std::vector<TunedContraction>& Chosen(Tuning& tuning) const {
    return tuning.targets[report_.target];
  }

  Tuning Choices() const {
    Tuning tuning;
    for (const TunedRow& row : report_.rows)
      if (row.result.seconds < row.result.usual_seconds)
        Chosen(tuning).push_back(
            {.key = row.key,
             .choice = row.result.choice,
             .note = fmt::format("{}: {:.2f} us, {:.2f} us tuned, on {}", row.name,
                                 row.result.usual_seconds * 1e6, row.result.seconds * 1e6,
                                 Counted(report_.threads, "thread"))});
    return tuning;
  }

  Result<BenchProgram> Write(const Compilation& compilation, std::string_view name) const {
    return BenchProgram::Write(compilation, options_, folder_.File(name), watch_);
  }

  /// The whole step with and without the choices, in turn.
  Result<void> MeasureSteps(const Model& model, const Compilation& usual_compilation,
                            const Tuning& tuning) {
    DESCENT_TRY(usual, Write(usual_compilation, "usual"));
    options_.tuning = std::make_shared<Tuning>(tuning);
    DESCENT_TRY(tuned_compilation, Compile(model, options_));
    DESCENT_TRY(tuned, Write(tuned_compilation, "tuned"));
    DESCENT_TRY(usual_figures, usual.Figures(given_.run, 0));
    DESCENT_TRY(tuned_figures, tuned.Figures(given_.run, 0));
    DESCENT_CHECK(AreSame(usual_figures.front(), tuned_figures.front()),
                  "a choice has changed the results");
    StepTurns turns{.usual = std::numeric_limits<double>::infinity(),
                    .tuned = std::numeric_limits<double>::infinity()};
    const double end = Now() + given_.seconds * kShareOfSteps;
    const double each =
        std::max(given_.seconds * kShareOfSteps / (2 * kMostTurns), kLeastTurnSeconds);
    for (; turns.turns < kLeastTurns || (turns.turns < kMostTurns && Now() < end); ++turns.turns) {
      const bool tuned_first = turns.turns % 2 != 0;
      DESCENT_TRY(first, (tuned_first ? tuned : usual).FastestStep(given_.run, each));
      DESCENT_TRY(second, (tuned_first ? usual : tuned).FastestStep(given_.run, each));
      const double without = tuned_first ? second : first;
      const double with = tuned_first ? first : second;
      turns.usual = std::min(turns.usual, without);
      turns.tuned = std::min(turns.tuned, with);
      if (with > kSlower * without) ++turns.slower;
    }
    report_.steps = turns;
    return {};
  }

  CompileOptions options_;
  const TuneSetting& given_;
  TemporaryFolder folder_;
  const runtime::InterruptWatch& watch_;
  SearchSetting setting_;
  std::map<std::string, Work> works_;  ///< by key
  TuneReport report_;
};

}  // namespace

Result<TuneOutcome> RunTune(const Model& model, CompileOptions options, const TuneSetting& setting,
                            TemporaryFolder folder, const runtime::InterruptWatch& watch) {
  return Tune(std::move(options), setting, std::move(folder), watch).Run(model);
}

}  // namespace descent::cli
