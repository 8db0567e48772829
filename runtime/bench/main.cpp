// `main` of the executables that `descent bench` makes and runs: the model with the runtime that a
// trainer has, and no compiler, so that start-up and memory are the trainer's.
//
//   program figures ENTRY THREADS MOVES             what the first calls give, from several starts
//   program time    ENTRY THREADS SECONDS SPAWNED   step time, memory, peaks of the machine
//   program fastest ENTRY THREADS SECONDS           the fastest step
//   program profile ENTRY THREADS SECONDS           time of each kernel call
//
// Prints one JSON object: what was measured, or "error" and "status". Nobody else calls it, so
// arguments are not checked.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <new>
#include <string>

#include "runtime/bench/call_times.h"
#include "runtime/bench/clock.h"
#include "runtime/bench/machine_peaks.h"
#include "runtime/bench/step_times.h"
#include "runtime/bench/workload.h"
#include "runtime/dtype.h"
#include "runtime/json.h"
#include "runtime/memory_limit.h"

extern "C" const descent_program* const descent_main_programs[];  // one, then null

namespace descent::runtime {
namespace {

constexpr int kFirstCalls = 3;
constexpr double kPeakSeconds = 0.2;
constexpr int64_t kLeastStreamBytes = int64_t{32} << 10, kMostStreamBytes = int64_t{512} << 20;

/// A number, or null: JSON has neither NaN nor infinity.
std::string Number(double value) {
  return std::isfinite(value) ? fmt::format("{:.17g}", value) : "null";
}

std::string Numbers(const std::vector<double>& values) {
  std::string text;
  for (double value : values) text += (text.empty() ? "" : ",") + Number(value);
  return fmt::format("[{}]", text);
}

/// Bytes that a call may touch.
int64_t WorkingSet(const Workload& workload) {
  return workload.program().abi().state_bytes + workload.entry().arena_bytes;
}

/// Numbers in all parameters.
int64_t ParameterElements(const Workload& workload) {
  int64_t elements = 0;
  for (const descent_slot& slot : workload.program().slots())
    if (slot.kind == DESCENT_SLOT_PARAMETER) elements += ElementCount(slot.tensor);
  return elements;
}

/// Of all threads of the workload, and of one.
Result<std::string> Peaks(const Workload& workload) {
  auto one = Executor::Make(1, BindCaller::kNo);
  if (!one) return std::unexpected(one.error());
  const int64_t bytes = std::clamp(WorkingSet(workload), kLeastStreamBytes, kMostStreamBytes);
  const double stream = MeasureBandwidth(workload.executor(), bytes, kPeakSeconds);
  const double fma_one = MeasureFmaPeak(**one, kPeakSeconds);
  const double fma = MeasureFmaPeak(workload.executor(), kPeakSeconds);
  return fmt::format(R"("fma_gflops":{},"fma_gflops_1":{},"stream_gbytes":{})", Number(fma),
                     Number(fma_one), Number(stream));
}

Result<std::string> Figures(Workload& workload, int64_t moves) {
  std::string rows;
  for (int64_t move = 0; move <= moves; ++move) {
    if (auto begun = workload.Restart(move); !begun) return std::unexpected(begun.error());
    std::vector<double> figures;
    for (int i = 0; i < kFirstCalls; ++i) {
      if (auto done = workload.Step(); !done) return std::unexpected(done.error());
      figures.push_back(workload.Figure());
    }
    rows += (rows.empty() ? "" : ",") + Numbers(figures);
  }
  return fmt::format(R"({{"figures":[{}]}})", rows);
}

Result<std::string> Time(Workload& workload, double seconds, double spawned) {
  if (auto begun = workload.Restart(0); !begun) return std::unexpected(begun.error());
  double started = 0;
  for (int i = 0; i < kFirstCalls; ++i) {
    if (auto done = workload.Step(); !done) return std::unexpected(done.error());
    if (i == 0) started = Seconds() - spawned;
  }
  auto times = TimeSteps(workload, seconds);
  if (!times) return std::unexpected(times.error());
  const int64_t peak_kib = PeakMemoryKib();  // before the block that measures bandwidth
  const descent_entry& entry = workload.entry();
  const std::string measured = fmt::format(
      R"("median":{},"least":{},"steps":{},"loss":{},"start":{},"rss_kib":{},"threads":{})",
      Number(times->median), Number(times->least), times->steps, Number(times->loss),
      Number(started), peak_kib, workload.executor().threads());
  const std::string facts = fmt::format(
      R"("state_bytes":{},"arena_bytes":{},"scratch_bytes":{},"kernels":{},"flops":{},"batch":{},"parameters":{})",
      workload.program().abi().state_bytes, entry.arena_bytes,
      entry.fixed_scratch_bytes + workload.executor().threads() * entry.worker_scratch_bytes,
      entry.kernel_count, entry.flops, entry.batch, ParameterElements(workload));
  auto peaks = Peaks(workload);
  if (!peaks) return peaks;
  return fmt::format("{{{},{},{}}}", measured, facts, *peaks);
}

Result<std::string> Fastest(Workload& workload, double seconds) {
  if (auto begun = workload.Restart(0); !begun) return std::unexpected(begun.error());
  auto least = TimeFastestStep(workload, seconds);
  if (!least) return std::unexpected(least.error());
  return fmt::format(R"({{"least":{}}})", Number(*least));
}

Result<std::string> Profile(Workload& workload, double seconds) {
  if (auto begun = workload.Restart(0); !begun) return std::unexpected(begun.error());
  auto times = TimeCalls(workload, seconds);
  if (!times) return std::unexpected(times.error());
  auto peaks = Peaks(workload);
  if (!peaks) return peaks;
  return fmt::format(R"({{"calls":{},"between":{},"steps":{},{}}})", Numbers(times->seconds),
                     Number(times->between), times->steps, *peaks);
}

Result<std::string> Run(const std::vector<std::string>& words) {
  const auto number = [&](size_t i) { return std::strtod(words.at(i).c_str(), nullptr); };
  auto workload =
      Workload::Make(descent_main_programs[0], words.at(1), static_cast<int32_t>(number(2)));
  if (!workload) return std::unexpected(workload.error());
  if (words[0] == "figures") return Figures(*workload, static_cast<int64_t>(number(3)));
  if (words[0] == "time") return Time(*workload, number(3), number(4));
  if (words[0] == "fastest") return Fastest(*workload, number(3));
  return Profile(*workload, number(3));
}

int Report(const Failure& failure) {
  fmt::print(R"({{"error":{},"status":{}}})"
             "\n",
             JsonString(failure.ToString()), static_cast<int>(failure.status));
  return static_cast<int>(failure.status);
}

}  // namespace

/// Without memory enough, too, there is a report.
int BenchMain(int argc, char** argv) try {
  const auto text = Run({argv + 1, argv + argc});
  if (!text) return Report(text.error());
  fmt::print("{}\n", *text);
  return 0;
} catch (const std::bad_alloc&) {
  return Report(Fail("", "this takes more memory than there is").error());
}

}  // namespace descent::runtime

int main(int argc, char** argv) { return descent::runtime::BenchMain(argc, argv); }
