#include "frontends/cli/bench/bench_program.h"

#include <cmath>
#include <cstdlib>
#include <limits>

#include "frontends/cli/bench/child.h"
#include "runtime/bench/clock.h"
#include "runtime/json.h"

namespace descent::cli {
namespace {

using runtime::Json;

/// NaN for null, which stands for what JSON cannot write.
double NumberOf(const Json& value) {
  const auto* number = std::get_if<Json::Number>(&value.value);
  return number == nullptr ? std::numeric_limits<double>::quiet_NaN()
                           : std::strtod(number->text.c_str(), nullptr);
}

const Json& Member(const Json& object, std::string_view key) {
  const Json* value = object.Find(key);
  DESCENT_CHECK(value != nullptr, "the bench program gives no " + std::string(key));
  return *value;
}

double Number(const Json& object, std::string_view key) { return NumberOf(Member(object, key)); }

int64_t Integer(const Json& object, std::string_view key) {
  return Member(object, key).Integer().value_or(0);
}

std::vector<double> NumbersOf(const Json& array) {
  DESCENT_CHECK(array.array() != nullptr, "the bench program gives no list");
  std::vector<double> numbers;
  for (const Json& value : *array.array()) numbers.push_back(NumberOf(value));
  return numbers;
}

MachinePeaks PeaksOf(const Json& object) {
  return {.fma_gflops = Number(object, "fma_gflops"),
          .fma_gflops_1 = Number(object, "fma_gflops_1"),
          .stream_gbytes = Number(object, "stream_gbytes")};
}

/// What the program prints, or the error that it reports.
Result<Json> RunAndParse(const std::vector<std::string>& words,
                         const runtime::InterruptWatch& watch) {
  DESCENT_TRY(outcome, RunChild(words, watch));
  const auto json = runtime::ParseJson(outcome.out, "what the compiled model printed");
  if (!json)
    return ErrorWithStatus(ExitStatus::kInternal,
                           "the compiled model ended with status {} and without a result",
                           outcome.status);
  if (const Json* error = json->Find("error"))
    return ErrorWithStatus(static_cast<ExitStatus>(Integer(*json, "status")), "{}",
                           *error->string());
  return *json;
}

}  // namespace

Result<BenchProgram> BenchProgram::Write(const Compilation& compilation, CompileOptions options,
                                         std::string path, const runtime::InterruptWatch& watch) {
  options.main = ExecutableMain::kBench;
  DESCENT_RETURN_IF_ERROR(WriteArtifact(compilation, ArtifactKind::kExecutable, path, options));
  return BenchProgram(std::move(path), watch);
}

Result<FirstFigures> BenchProgram::Figures(const Run& run, int moves) const {
  DESCENT_TRY(json, RunAndParse({path_, "figures", run.entry, std::to_string(run.threads),
                                 std::to_string(moves)},
                                *watch_));
  FirstFigures figures;
  for (const Json& row : *Member(json, "figures").array()) figures.push_back(NumbersOf(row));
  return figures;
}

Result<Measurement> BenchProgram::Time(const Run& run, double seconds) const {
  DESCENT_TRY(json, RunAndParse({path_, "time", run.entry, std::to_string(run.threads),
                                 fmt::format("{}", seconds), fmt::format("{}", runtime::Seconds())},
                                *watch_));
  return Measurement{.median = Number(json, "median"),
                     .least = Number(json, "least"),
                     .steps = Integer(json, "steps"),
                     .loss = Number(json, "loss"),
                     .start = Number(json, "start"),
                     .rss_kib = Integer(json, "rss_kib"),
                     .threads = Integer(json, "threads"),
                     .batch = Integer(json, "batch"),
                     .kernels = Integer(json, "kernels"),
                     .kernel_flops = Integer(json, "flops"),
                     .parameters = Integer(json, "parameters"),
                     .state_bytes = Integer(json, "state_bytes"),
                     .arena_bytes = Integer(json, "arena_bytes"),
                     .scratch_bytes = Integer(json, "scratch_bytes"),
                     .peaks = PeaksOf(json)};
}

Result<double> BenchProgram::FastestStep(const Run& run, double seconds) const {
  DESCENT_TRY(json, RunAndParse({path_, "fastest", run.entry, std::to_string(run.threads),
                                 fmt::format("{}", seconds)},
                                *watch_));
  return Number(json, "least");
}

Result<CallProfile> BenchProgram::Profile(const Run& run, double seconds) const {
  DESCENT_TRY(json, RunAndParse({path_, "profile", run.entry, std::to_string(run.threads),
                                 fmt::format("{}", seconds)},
                                *watch_));
  return CallProfile{.calls = NumbersOf(Member(json, "calls")),
                     .between = Number(json, "between"),
                     .steps = Integer(json, "steps"),
                     .peaks = PeaksOf(json)};
}

}  // namespace descent::cli
