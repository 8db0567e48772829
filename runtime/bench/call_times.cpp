#include "runtime/bench/call_times.h"

#include <algorithm>
#include <numeric>

#include "runtime/bench/clock.h"

namespace descent::runtime {
namespace {

constexpr int kWarmUps = 3;
constexpr int64_t kMostSteps = 1000;

/// What descent_kernel_done, which is given nothing but a number, adds to.
struct Recording {
  double last = 0;  ///< when the kernel before it was done
  std::vector<double> seconds;
} recording;

double Median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + std::ssize(values) / 2);
  return values[values.size() / 2];
}

/// Medians of each column.
std::vector<double> Medians(const std::vector<std::vector<double>>& rows) {
  std::vector<double> medians(rows.front().size());
  for (size_t column = 0; column < medians.size(); ++column) {
    std::vector<double> values;
    for (const std::vector<double>& row : rows) values.push_back(row[column]);
    medians[column] = Median(std::move(values));
  }
  return medians;
}

}  // namespace

Result<CallTimes> TimeCalls(Workload& workload, double seconds) {
  CallTimes times;
  std::vector<double> betweens;
  std::vector<std::vector<double>> rows;
  const double end = Seconds() + seconds;
  for (int64_t step = 0; step < kMostSteps + kWarmUps; ++step) {
    std::ranges::fill(recording.seconds, 0.0);
    const double start = recording.last = Seconds();
    if (auto done = workload.Step(); !done) return std::unexpected(done.error());
    const double now = Seconds();
    if (step < kWarmUps) continue;  // the first one also learns how many calls there are
    betweens.push_back(now - start -
                       std::accumulate(recording.seconds.begin(), recording.seconds.end(), 0.0));
    rows.push_back(recording.seconds);
    if (now > end) break;
  }
  // A branch that was not taken before may have added calls.
  for (std::vector<double>& row : rows) row.resize(recording.seconds.size());
  times.seconds = Medians(rows);
  times.steps = std::ssize(rows);
  times.between = Median(std::move(betweens));
  return times;
}

}  // namespace descent::runtime

extern "C" void descent_kernel_done(int32_t call) {
  using descent::runtime::recording;
  const double now = descent::runtime::Seconds();
  const auto number = static_cast<size_t>(call);
  if (number >= recording.seconds.size()) recording.seconds.resize(number + 1);
  recording.seconds[number] += now - recording.last;
  recording.last = descent::runtime::Seconds();
}
