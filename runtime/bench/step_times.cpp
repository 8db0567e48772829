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
  explicit Stopwatch(Workload& workload) : workload_(workload) {}

  /// Seconds of `calls` calls, each of whose losses is read.
  Result<double> Time(int64_t calls) {
    const double start = Seconds();
    for (int64_t i = 0; i < calls; ++i) {
      if (auto done = workload_.Step(); !done) return std::unexpected(done.error());
      loss_ = workload_.Loss();
    }
    return Seconds() - start;
  }
  double loss() const { return loss_; }

 private:
  Workload& workload_;
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

}  // namespace

Result<StepTimes> TimeSteps(Workload& workload, double seconds) {
  Stopwatch watch(workload);
  auto group = GroupSize(watch);
  if (!group) return std::unexpected(group.error());
  std::vector<double> samples;
  const double end = Seconds() + seconds;
  while (Seconds() < end || std::ssize(samples) < kLeastSamples) {
    auto took = watch.Time(*group);
    if (!took) return std::unexpected(took.error());
    samples.push_back(*took / static_cast<double>(*group));
  }
  const auto middle = samples.begin() + std::ssize(samples) / 2;
  std::ranges::nth_element(samples, middle);
  return StepTimes{.median = *middle,
                   .least = *std::ranges::min_element(samples),
                   .steps = *group * std::ssize(samples),
                   .loss = watch.loss()};
}

}  // namespace descent::runtime
