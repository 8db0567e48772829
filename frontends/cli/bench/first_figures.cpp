#include "frontends/cli/bench/first_figures.h"

#include <algorithm>
#include <cmath>

namespace descent::cli {
namespace {

constexpr double kRelativeTolerance = 1e-5;
/// Rounding inside a call is of the order of rounding at what it reads; this much more is still no
/// difference.
constexpr double kRoundingFactor = 8;

/// How far rounding alone may move the figure of a call.
double Bound(const FirstFigures& reference, size_t call) {
  const double usual = reference.front()[call];
  double rounding = 0;
  for (const std::vector<double>& moved : reference)
    rounding = std::max(rounding, std::abs(moved[call] - usual));
  return kRelativeTolerance * std::abs(usual) + kRoundingFactor * rounding;
}

}  // namespace

Result<void> Compare(const FirstFigures& reference, const std::vector<double>& fused,
                     std::string_view entry) {
  for (size_t call = 0; call < fused.size(); ++call) {
    const double usual = reference.front()[call], bound = Bound(reference, call);
    if (!std::isfinite(usual) || !std::isfinite(fused[call]))
      return ErrorWithStatus(
          ExitStatus::kDiffers,
          "call {} of {} gives {} on made-up data, and {} without fusion: no finite number, so "
          "there is nothing to compare",
          call + 1, entry, fused[call], usual);
    if (!(std::abs(fused[call] - usual) <= bound))
      return ErrorWithStatus(ExitStatus::kDiffers,
                             "call {} of {} gives {}, but {} without fusion; rounding explains a "
                             "difference of {:.2g}",
                             call + 1, entry, fused[call], usual, bound);
  }
  return {};
}

}  // namespace descent::cli
