#include "frontends/cli/tune/search.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "compiler/tuning.h"
#include "frontends/cli/tune/kernel_timer.h"

namespace descent::cli {
namespace {

/// Of tiles for either lane group, and of blocks.
constexpr int64_t kMostTiles = 8, kMostBlocks = 12;
constexpr double kLeastSeconds = 200e-6;  ///< of what is timed at once
constexpr int64_t kLeastRounds = 2, kMostRounds = 100, kFinalRounds = 5;
/// Rounds -> what a version may take of the best one's time to stay in the race.
constexpr std::pair<int64_t, double> kStays[] = {{1, 1.3}, {3, 1.15}, {6, 1.08}, {12, 1.04}};
/// Share of the model's time that a choice must stay below.
constexpr double kClearly = 0.97;
constexpr double kShareOfTiles = 0.4, kShareOfBlocks = 0.3;  ///< of the time; the rest is the final

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double Median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + std::ssize(values) / 2);
  return values[values.size() / 2];
}

/// Calls that take kLeastSeconds.
int64_t CallsOf(KernelTimer& timer) {
  const double seconds = std::min(timer.Seconds(0, 1), timer.Seconds(0, 1));
  return std::clamp<int64_t>(static_cast<int64_t>(kLeastSeconds / std::max(seconds, 1e-9)), 1,
                             100'000);
}

class Search {
 public:
  Search(const Kernel& kernel, const KernelCall& call, const SearchSetting& setting)
      : usual_(kernel), call_(call), setting_(setting) {}

  Result<SearchResult> Run(double seconds) {
    const TargetFacts& facts = setting_.target->facts;
    DESCENT_TRY(tiled,
                Race(usual_, TileChoices(usual_, facts, kMostTiles), seconds * kShareOfTiles));
    DESCENT_TRY(best,
                Race(tiled, BlockChoices(tiled, facts, kMostBlocks), seconds * kShareOfBlocks));
    return Confirm(best, seconds * (1 - kShareOfTiles - kShareOfBlocks));
  }

 private:
  Result<KernelTimer> TimerOf(std::vector<Kernel> kernels) const {
    return KernelTimer::Make(std::move(kernels), call_, *setting_.target, *setting_.executor,
                             setting_.working_set_bytes);
  }

  Result<void> CheckInterrupt() const {
    if (!setting_.watch->interrupted()) return {};
    return ErrorWithStatus(ExitStatus::kInterrupted, "interrupted");
  }

  /// The fastest of `first` and the choices that differ from it.
  Result<Kernel> Race(const Kernel& first, const std::vector<ContractionChoice>& choices,
                      double seconds) {
    std::vector<Kernel> kernels = DistinctKernels(first, choices, setting_.target->facts);
    kernels.insert(kernels.begin(), first);
    if (kernels.size() == 1) return first;
    DESCENT_TRY(timer, TimerOf(kernels));
    const int64_t calls = CallsOf(timer);
    std::vector<double> least(kernels.size(), std::numeric_limits<double>::infinity());
    std::vector<size_t> racing(kernels.size());
    for (size_t i = 0; i < racing.size(); ++i) racing[i] = i;
    const double end = Now() + seconds;
    for (int64_t round = 0; round < kMostRounds; ++round) {
      if (round >= kLeastRounds && Now() > end) break;
      std::ranges::reverse(racing);
      for (const size_t i : racing) {
        DESCENT_RETURN_IF_ERROR(CheckInterrupt());
        least[i] = std::min(least[i], timer.Seconds(i, calls));
      }
      Drop(round + 1, least, racing);
      if (racing.size() == 1) break;
    }
    for (size_t i = 1; i < kernels.size(); ++i)
      others_.emplace_back(ChoiceOf(kernels[i]), least[i]);
    return kernels[std::ranges::min_element(least) - least.begin()];
  }

  /// Versions that are clearly slower than the best.
  static void Drop(int64_t rounds, const std::vector<double>& least, std::vector<size_t>& racing) {
    const double best = *std::ranges::min_element(least);
    for (const auto& [after, share] : kStays)
      if (rounds >= after) std::erase_if(racing, [&](size_t i) { return least[i] > share * best; });
  }

  Result<SearchResult> Confirm(const Kernel& best, double seconds) {
    SearchResult result{.choice = ChoiceOf(usual_), .others = others_};
    const bool other = ChoiceOf(best) != result.choice;
    DESCENT_TRY(timer, TimerOf(other ? std::vector{usual_, best} : std::vector{usual_}));
    const int64_t calls = CallsOf(timer);
    std::vector<double> ratios;
    double least[2] = {std::numeric_limits<double>::infinity(),
                       std::numeric_limits<double>::infinity()};
    const double end = Now() + seconds;
    for (int64_t round = 0; round < kFinalRounds || (Now() < end && round < kMostRounds); ++round) {
      DESCENT_RETURN_IF_ERROR(CheckInterrupt());
      double took[2] = {0, 0};
      for (const size_t i : {round % 2, 1 - round % 2}) {
        if (i >= timer.versions()) continue;
        took[i] = timer.Seconds(i, calls);
        least[i] = std::min(least[i], took[i]);
      }
      ratios.push_back(took[1] / took[0]);
    }
    result.usual_seconds = result.seconds = least[0];
    if (!other || Median(ratios) >= kClearly || least[1] >= kClearly * least[0]) return result;
    result.choice = ChoiceOf(best);
    result.seconds = least[1];
    return result;
  }

  const Kernel& usual_;
  const KernelCall& call_;
  const SearchSetting& setting_;
  std::vector<std::pair<ContractionChoice, double>> others_;
};

}  // namespace

Result<double> TimeAsScheduled(const Kernel& kernel, const KernelCall& call,
                               const SearchSetting& setting) {
  DESCENT_TRY(timer, KernelTimer::Make({kernel}, call, *setting.target, *setting.executor,
                                       setting.working_set_bytes));
  const int64_t calls = CallsOf(timer);
  double least = std::numeric_limits<double>::infinity();
  for (int64_t round = 0; round < kLeastRounds; ++round)
    least = std::min(least, timer.Seconds(0, calls));
  return least;
}

Result<SearchResult> SearchChoice(const Kernel& kernel, const KernelCall& call, double seconds,
                                  const SearchSetting& setting) {
  return Search(kernel, call, setting).Run(seconds);
}

}  // namespace descent::cli
