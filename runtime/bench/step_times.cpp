#include "runtime/bench/step_times.h"

#include <algorithm>
#include <vector>

#include "runtime/bench/clock.h"

namespace descent::runtime {
namespace {

constexpr double kLeastSeconds = 50e-6;  ///< of what is timed at once
constexpr int64_t kLeastSamples = 3;

class Stopwatch {
 public:
  Stopwatch(Workload& workload, double (*now)(int32_t)) : workload_(workload), now_(now) {}

  /// Seconds of `calls` calls, each of whose losses is read.
  Result<double> Time(int64_t calls) {
    const double start = Now();
    for (int64_t i = 0; i < calls; ++i) {
      if (auto done = workload_.Step(); !done) return std::unexpected(done.error());
      loss_ = workload_.Loss();
    }
    return Now() - start;
  }
  double loss() const { return loss_; }

 private:
  double Now() const { return now_(workload_.executor().threads()); }

  Workload& workload_;
  double (*now_)(int32_t);
  volatile double loss_ = 0;
};

/// So many calls that they take kLeastSeconds.
Result<int64_t> GroupSize(Stopwatch& watch) {
  for (int64_t calls = 1;; calls *= 2) {
    auto took = watch.Time(calls);
    if (!took) return std::unexpected(took.error());
    if (*took >= kLeastSeconds) return calls;
  }
}

/// Seconds of a call, again and again, and how many calls these were.
struct Samples {
  std::vector<double> seconds;
  int64_t calls = 0;
};

Result<Samples> Sample(Stopwatch& watch, double seconds) {
  auto group = GroupSize(watch);
  if (!group) return std::unexpected(group.error());
  Samples samples;
  const double end = Seconds() + seconds;
  while (Seconds() < end || std::ssize(samples.seconds) < kLeastSamples) {
    auto took = watch.Time(*group);
    if (!took) return std::unexpected(took.error());
    samples.seconds.push_back(*took / static_cast<double>(*group));
    samples.calls += *group;
  }
  return samples;
}

}  // namespace

Result<StepTimes> TimeSteps(Workload& workload, double seconds) {
  Stopwatch watch(workload, [](int32_t) { return Seconds(); });
  auto samples = Sample(watch, seconds);
  if (!samples) return std::unexpected(samples.error());
  const auto middle = samples->seconds.begin() + std::ssize(samples->seconds) / 2;
  std::ranges::nth_element(samples->seconds, middle);
  return StepTimes{.median = *middle,
                   .least = *std::ranges::min_element(samples->seconds),
                   .steps = samples->calls,
                   .loss = watch.loss()};
}

Result<double> TimeFastestStep(Workload& workload, double seconds) {
  Stopwatch watch(workload, ComparableSeconds);
  auto samples = Sample(watch, seconds);
  if (!samples) return std::unexpected(samples.error());
  return *std::ranges::min_element(samples->seconds);
}

}  // namespace descent::runtime
